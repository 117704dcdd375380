"""Keeping a channel and looking at releases on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.integration.cli.cli_world import MODEL, REGION, World, start_registry
from weighbridge import __version__
from weighbridge.registration import JobRecord

pytestmark = pytest.mark.twin


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """1.0.0 and 2.0.0 are promoted to dev, 1.0.0 to prod."""
    with start_registry(tmp_path_factory.mktemp("registry")) as registry:
        made = World(folder=tmp_path_factory.mktemp("cli"), registry=registry)
        made.found_channels()
        for version, channels in (("1.0.0", ("dev", "prod")), ("2.0.0", ("dev",))):
            made.upload_quickly(version)
            made.register(version).ok()
            for channel in channels:
                made.cli(
                    "promote", f"{MODEL}:{version}", "--to", channel, "--no-parameter", "--by", "ann", user="promoter"
                ).ok()
        yield made


def test_a_release_is_shown_with_all_that_was_verified(world: World) -> None:
    shown = world.cli("release", "show", f"{MODEL}:1.0.0", "--env", "prod", "--json", user="reader").ok().json
    components = {item["path"]: item["role"] for item in shown["components"]}  # type: ignore[union-attr,index,call-overload]
    assert components == {
        "1_Pooling/config.json": "load", "config.json": "load", "model-manifest.json": "code",
        "model.safetensors": "load", "weighbridge-job.json": "record",
    }  # fmt: skip
    promotion, statements = shown["promotion"], shown["statements"]
    assert isinstance(promotion, dict)
    assert (promotion["channel"], promotion["source"], promotion["promoted_by"]) == ("prod", "dev", "ann")
    assert [item["predicate_type"] for item in statements] == ["https://slsa.dev/provenance/v1"]  # type: ignore[union-attr,index,call-overload]
    text = world.cli("release", "show", MODEL, "--env", "prod", user="reader").ok().out
    for said in ("minilm:1.0.0", "model.safetensors", "verified, signed by", "number 1 in prod (promote)", "by ann"):
        assert said in text


def test_claims_are_marked_where_people_look(world: World) -> None:
    folder = world.folder / "model-3.0.0"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    (folder / "weighbridge-job.json").write_bytes(JobRecord(metrics={"accuracy": "0.5"}).to_bytes())
    world.hub("upload", str(folder), f"{MODEL}:3.0.0", "--env", "dev", user="scientist").ok()
    world.register("3.0.0").ok()
    world.cli("promote", f"{MODEL}:3.0.0", "--to", "dev", "--no-parameter", user="promoter").ok()
    text = world.cli("release", "show", MODEL, "--env", "dev", user="reader").ok().out
    assert "metrics (claimed)" in text
    assert "parameters (claimed)" not in text


def test_founding_again_changes_nothing(world: World) -> None:
    before = {item.path: item.sha256 for item in world.client("admin").listing(repository="weighbridge-prod-local")}
    again = world.cli("channel", "init", "--env", "prod", "--json", user="promoter").ok().json
    assert again["pinned"] is True
    root = world.cli("channel", "root", "--env", "prod", "--json", user="reader").ok().json
    assert (root["root_digest"], root["is_pinned"]) == (again["root_digest"], True)
    after = {item.path: item.sha256 for item in world.client("admin").listing(repository="weighbridge-prod-local")}
    assert after == before


def test_a_channel_is_kept_fresh(world: World) -> None:
    before = world.cli("channel", "show", MODEL, "--env", "dev", "--json", user="reader").ok().json
    world.cli("channel", "refresh", "--env", "dev", user="promoter").ok()
    for role in ("targets", "revocations", MODEL):
        world.cli("channel", "renew", role, "--env", "dev", user="promoter").ok()
    after = world.cli("channel", "show", MODEL, "--env", "dev", "--json", user="reader").ok().json
    assert after["promotions"] == before["promotions"]
    assert after["floor"] != before["floor"]


def test_a_model_is_added_with_a_public_key_alone(world: World) -> None:
    made = world.cli("channel", "keygen", "keys/other.pem", "--json").ok().json
    added = world.cli(
        "channel", "add-model", "other", "--env", "dev", "--promoter", str(made["public"]), "--json", user="promoter"
    ).ok()
    assert added.json["promoters"] == [made["key_id"]]
    shown = world.cli("channel", "show", "other", "--env", "dev", "--json", user="reader").ok().json
    assert shown["promotions"] == []


def test_the_policy_is_printed_edited_and_set(world: World) -> None:
    printed = world.cli("channel", "policy", MODEL, "--env", "dev", user="reader").ok().out
    policy = json.loads(printed)
    policy["base_owners"] = ["sentence-transformers"]
    path = world.folder / "policy.json"
    path.write_text(json.dumps(policy, indent=4))
    changed = world.cli("channel", "policy", MODEL, "--set", str(path), "--env", "dev", "--json", user="promoter").ok()
    assert changed.json["base_owners"] == ["sentence-transformers"]
    policy["channel"] = "prod"
    path.write_text(json.dumps(policy))
    refused = world.cli("channel", "policy", MODEL, "--set", str(path), "--env", "dev", user="promoter")
    assert (refused.status, "'prod'" in refused.line) == (2, True)
    path.write_text(printed)
    world.cli("channel", "policy", MODEL, "--set", str(path), "--env", "dev", user="promoter").ok()
    assert world.cli("channel", "policy", MODEL, "--env", "dev", user="reader").ok().out == printed


def test_a_promoter_signs_with_the_key_it_holds(world: World) -> None:
    world.cli("channel", "renew", MODEL, "--env", "prod", "--key", "file:keys/prod-promoter.pem", user="promoter").ok()
    done = world.cli("channel", "renew", MODEL, "--env", "prod", "--key", "file:keys/dev-promoter.pem", user="promoter")
    assert (done.status, "is not one of its keys" in done.line) == (2, True)


def test_a_revoked_release_is_neither_resolved_nor_pulled(world: World) -> None:
    said = world.cli(
        "channel", "revoke", f"{MODEL}:2.0.0", "--reason", "poisoned data", "--env", "dev", "--json", user="promoter"
    ).ok()
    assert said.json["reason"] == "poisoned data"
    for command in (("resolve", f"{MODEL}:2.0.0"), ("pull", f"{MODEL}:2.0.0", "--to", "revoked")):
        done = world.cli(*command, "--env", "dev", "--json", user="reader")
        assert (done.status, done.json["error"]["rule"]) == (4, "refused.revoked")  # type: ignore[index,call-overload]
        assert "poisoned data" in done.line
    onward = world.cli("promote", f"{MODEL}:2.0.0", "--to", "prod", "--no-parameter", user="promoter")
    assert (onward.status, "revoked in dev" in onward.line) == (4, True)


def test_a_channel_put_back_to_an_older_state_is_seen(world: World) -> None:
    client = world.client("admin")
    old = client.read(repository="weighbridge-dev-local", path="tuf/timestamp.json", limit=10_000)
    world.cli("channel", "refresh", "--env", "dev", user="promoter").ok()
    world.cli("resolve", MODEL, "--env", "dev", user="reader").ok()
    new = client.read(repository="weighbridge-dev-local", path="tuf/timestamp.json", limit=10_000)
    client.deploy_bytes(repository="weighbridge-dev-local", path="tuf/timestamp.json", data=old, overwrite=True)
    try:
        done = world.cli("resolve", MODEL, "--env", "dev", "--json", user="reader")
    finally:
        client.deploy_bytes(repository="weighbridge-dev-local", path="tuf/timestamp.json", data=new, overwrite=True)
    assert (done.status, done.json["error"]["rule"]) == (4, "refused.rollback")  # type: ignore[index,call-overload]


def test_credentials_of_another_account_do_not_move_its_parameter(world: World) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
    path = world.environments / "prod.yaml"
    kept = path.read_text()
    path.write_text(kept.replace("123456789012", "999999999999"))
    try:
        with mock_aws():
            done = world.cli("promote", f"{MODEL}:1.0.0", "--to", "prod", "--json", user="promoter", **keys)
    finally:
        path.write_text(kept)
    assert (done.status, done.json["error"]["rule"]) == (2, "input.account")  # type: ignore[index,call-overload]


def test_help_and_version_load_neither_clients_nor_frogml() -> None:
    program = """
import sys
from weighbridge.cli.run import run
assert run(["--version"]) == 0 and run(["--help"]) == 0 and run(["promote", "--help"]) == 0
print(sorted({"tuf", "boto3", "requests", "frogml", "cryptography", "jsonschema"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == f"weighbridge {__version__}"
    assert lines[-1] == "[]"
