"""Ledger, lineage, impact, where and revoke on the command line, over two channels in a registry."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from local.registry.standard import models_repository
from tests.integration.cli.cli_world import INCOMING, MODEL, TOKENS, World, files_of, start_registry
from tests.integration.cli.frogml_protocol import FrogmlProtocol
from weighbridge.ledger.events import Event, SqliteEvents
from weighbridge.names import Digest, ReleaseId
from weighbridge.registration import JobRecord, upload
from weighbridge.release import BaseModel, Dataset

pytestmark = pytest.mark.twin
BAD = Digest.of(b"bad data")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """1.0.0 in dev and prod, 2.0.0 made with bad data in dev and prod, accepted in prod; the ledger is sealed."""
    with start_registry(tmp_path_factory.mktemp("registry")) as registry:
        world = World(folder=tmp_path_factory.mktemp("world"), registry=registry)
        world.found_channels()
        world.cli("channel", "keygen", "keys/sealer.pem").ok()
        for environment in ("dev", "prod"):
            path = world.environments / f"{environment}.yaml"
            text = path.read_text(encoding="utf-8")
            text = text.replace("\n  keys:\n", f"\n  seals: folder:{world.folder}/seals-{environment}\n  keys:\n")
            text = text.rstrip() + f"\n    sealer: file:{world.folder}/keys/sealer.pem\n"
            path.write_text(text, encoding="utf-8")
        for version, datasets in (("1.0.0", ()), ("2.0.0", (Dataset(name="reviews", digest=BAD),))):
            _upload(world, version, datasets=datasets)
            world.register(version).ok()
            for channel in ("dev", "prod"):
                world.cli(
                    "promote", f"{MODEL}:{version}", "--to", channel, "--no-parameter", "--by", "ann", user="promoter"
                ).ok()
        _accept(world, version="2.0.0")
        world.cli("ledger", "seal", "--env", "dev").ok()
        yield world


def _upload(world: World, version: str, *, datasets: tuple[Dataset, ...]) -> None:
    base = BaseModel(repository="org/base", revision="c" * 40)
    upload(
        folder=world._model(version, files_of(version)), name=MODEL, version=version, repository=INCOMING,
        record=JobRecord(base_model=base, datasets=datasets), client=world.client("scientist"), token="",
        storage=FrogmlProtocol(url=world.registry.url, token=TOKENS["scientist"]),
    )  # fmt: skip


def _accept(world: World, *, version: str) -> None:
    shown = world.cli("channel", "show", MODEL, "--env", "prod", "--json", user="reader").ok().json
    head = next(item for item in shown["promotions"] if item["version"] == version)
    SqliteEvents(path=world.folder / "ledger.sqlite").append(
        event=Event(
            id=f"accepted:prod/{version}", kind="accepted", at=datetime.now(UTC), actor="resolver:prod",
            environment="prod", channel="prod", model=MODEL, version=version,
            release=Digest.parse(head["release"]), release_id=ReleaseId.parse(head["release_id"]),
        )
    )  # fmt: skip


def test_the_ledger_tells_what_the_commands_did(world: World) -> None:
    shown = world.cli("ledger", "show", "--env", "dev", "--json").ok().json
    assert [(item["kind"], item["version"], item["channel"]) for item in shown["events"]][:5] == [
        ("founded", None, "dev"),
        ("founded", None, "prod"),
        ("registered", "1.0.0", "dev"),
        ("promoted", "1.0.0", "dev"),
        ("promoted", "1.0.0", "prod"),
    ]
    assert {item["actor"] for item in shown["events"] if item["kind"] == "promoted"} == {"ann"}
    only = world.cli("ledger", "show", "--env", "dev", "--kind", "accepted").ok().out
    assert "accepted  minilm:2.0.0  prod  by resolver:prod" in only


def test_promoting_again_tells_nothing_new(world: World) -> None:
    before = world.cli("ledger", "show", "--env", "dev", "--json").ok().json
    world.cli("promote", f"{MODEL}:2.0.0", "--to", "prod", "--no-parameter", user="promoter").ok()
    assert world.cli("ledger", "show", "--env", "dev", "--json").ok().json == before


def test_an_honest_ledger_holds_and_is_sealed(world: World) -> None:
    said = world.cli("ledger", "verify", "--env", "dev", "--json").ok().json
    assert (said["holds"], said["sealed"], said["seals"]) == (True, said["entries"], [])
    assert world.cli("ledger", "seal", "--env", "dev", "--json").ok().json["sealed"] == 0


def test_a_tail_cut_off_is_named_and_ends_with_four(world: World) -> None:
    path = world.folder / "ledger.sqlite"
    kept = path.read_bytes()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM events WHERE sequence > 3")
    try:
        said = world.cli("ledger", "verify", "--env", "dev", "--json")
        assert (said.status, said.json["first_bad"], said.json["rule"]) == (4, 4, "ledger.cut-off")
        sealing = world.cli("ledger", "seal", "--env", "dev")
        assert sealing.status == 4
        assert "not sealed" in sealing.line
    finally:
        path.write_bytes(kept)


def test_an_honest_channel_is_audited_clean_and_an_added_file_is_named(world: World) -> None:
    for environment in ("dev", "prod"):
        said = world.cli("audit", "--env", environment, "--deep", "--json", user="admin")
        assert said.json["findings"] == []
        assert (said.status, said.json["failures"]) == (0, [])
        assert said.json["releases"] == 2
    admin, path = world.client("admin"), f"models/{MODEL}/1.0.0/payload.py"
    repository = models_repository("prod")
    admin.deploy_bytes(repository=repository, path=path, data=b"import os")
    found = world.cli("audit", "--env", "prod", "--json", user="reader")
    assert found.status == 1
    [finding] = found.json["findings"]
    assert (finding["rule"], finding["subject"]) == ("audit.file-extra", f"{repository}/{path}")
    assert "audit.file-extra" in world.cli("audit", "--env", "prod", user="reader").out
    world.cli("resolve", f"{MODEL}:1.0.0", "--env", "prod", user="reader").ok()


def test_where_says_what_runs_and_who_promoted_it(world: World) -> None:
    [place] = world.cli("where", MODEL, "--json", user="promoter").ok().json["places"]
    assert (place["environment"], place["endpoint"], place["version"]) == ("prod", "weighbridge-prod-minilm", "2.0.0")
    assert (place["running"], place["promoted_by"]) == (True, "ann")
    assert "prod  weighbridge-prod-minilm  runs minilm:2.0.0 (2)" in world.cli("where", MODEL, user="promoter").ok().out


def test_lineage_says_where_a_release_came_from_and_went(world: World) -> None:
    [found] = world.cli("lineage", f"{MODEL}:2.0.0", "--json", user="promoter").ok().json["releases"]
    assert found["base_model"] == f"org/base@{'c' * 40}"
    assert found["datasets"] == [{"name": "reviews", "sha256": BAD.hex}]
    assert found["claimed"] == ["base_model", "datasets"]
    assert [item["channel"] for item in found["promotions"]] == ["dev", "prod"]
    assert [item["endpoint"] for item in found["endpoints"]] == ["weighbridge-prod-minilm"]
    text = world.cli("lineage", f"{MODEL}:2.0.0", user="promoter").ok().out
    assert "datasets (claimed)" in text
    missing = world.cli("lineage", f"{MODEL}:9.9.9", user="promoter")
    assert missing.status == 2
    assert "no channel and no ledger names it" in missing.line


def test_impact_names_releases_channels_and_endpoints(world: World) -> None:
    said = world.cli("impact", "--dataset", str(BAD), "--json", user="promoter").ok().json
    [touched] = said["touched"]
    assert (touched["version"], said["failures"]) == ("2.0.0", [])
    assert [(item["channel"], item["head"]) for item in touched["promotions"]] == [("dev", True), ("prod", True)]
    assert [item["endpoint"] for item in touched["endpoints"]] == ["weighbridge-prod-minilm"]
    both = world.cli("impact", "--base-model", "org/base", "--json", user="promoter").ok().json
    assert [item["version"] for item in both["touched"]] == ["1.0.0", "2.0.0"]


def test_what_could_not_be_looked_at_is_said_and_nothing_is_revoked(world: World) -> None:
    said = world.cli("impact", "--dataset", str(BAD), "--json", token="nobody's")
    assert said.status == 2
    assert {line.partition(":")[0] for line in said.json["failures"]} == {"channel dev", "channel prod"}
    refused = world.cli("revoke", "--dataset", str(BAD), "--reason", "x", "--apply", token="nobody's")
    assert refused.status != 0
    assert not world.cli("channel", "show", MODEL, "--env", "prod", "--json", user="reader").ok().json["revocations"]


def test_revoking_a_dataset_is_planned_then_signed_in_every_channel(world: World) -> None:
    plan = world.cli("revoke", "--dataset", str(BAD), "--reason", "poisoned", user="promoter").ok()
    assert "would add 1" in plan.out
    assert "repeat with --apply" in plan.err
    assert not world.cli("channel", "show", MODEL, "--env", "dev", "--json", user="reader").ok().json["revocations"]
    done = (
        world.cli("revoke", "--dataset", str(BAD), "--reason", "poisoned", "--apply", "--json", user="promoter")
        .ok()
        .json
    )
    assert [(item["channel"], len(item["add"]), item["complete"]) for item in done["channels"]] == [
        ("dev", 1, 1),
        ("prod", 1, 1),
    ]
    for environment in ("dev", "prod"):
        shown = world.cli("channel", "show", MODEL, "--env", environment, "--json", user="reader").ok().json
        assert [(item["release"], item["reason"]) for item in shown["revocations"]] == [
            (done["releases"][0], "poisoned")
        ]
        refused = world.cli("resolve", f"{MODEL}:2.0.0", "--env", environment, "--json", user="reader")
        assert (refused.status, refused.json["error"]["rule"]) == (4, "refused.revoked")
        world.cli("resolve", f"{MODEL}:1.0.0", "--env", environment, user="reader").ok()
    [place] = world.cli("where", MODEL, "--json", user="promoter").ok().json["places"]
    assert place["revoked"] == "poisoned"
    again = (
        world.cli("revoke", "--dataset", str(BAD), "--reason", "again", "--apply", "--json", user="promoter").ok().json
    )
    assert [item["add"] for item in again["channels"]] == [[], []]
    world.cli("ledger", "verify", "--env", "dev").ok()
