"""`weighbridge bom` on the command line, over channels in a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.integration.cli.cli_world import IMAGE, MODEL, World, files_of, records_repository, start_registry

pytestmark = pytest.mark.twin
LOCK = "numpy==2.0.0 \\\n    --hash=sha256:" + "1" * 64 + "\n"
CARD = b"---\nlicense: apache-2.0\npipeline_tag: feature-extraction\n---\n# Model\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """1.0.0 in dev without its lock file's text, 2.0.0 and 3.0.0 with it; 3.0.0 under another licence and not promoted."""
    with start_registry(tmp_path_factory.mktemp("registry")) as registry:
        world = World(folder=tmp_path_factory.mktemp("world"), registry=registry)
        world.found_channels()
        (world.folder / "lock.txt").write_text(LOCK)
        for version, card in (("1.0.0", CARD), ("2.0.0", CARD), ("3.0.0", CARD.replace(b"apache-2.0", b"gpl-3.0"))):
            world.upload_quickly(
                version, {**files_of(version), "README.md": card, "config.json": b'{"model_type": "bert"}'}
            )
        world.register("1.0.0").ok()
        for version in ("2.0.0", "3.0.0"):
            register(world, version)
        for version in ("1.0.0", "2.0.0"):
            world.cli("promote", f"{MODEL}:{version}", "--to", "dev", "--no-parameter", user="promoter").ok()
        yield world


def register(world: World, version: str) -> None:
    command = ("register", f"{MODEL}:{version}", "--env", "dev", "--image", IMAGE, "--lock", "lock.txt", "--json")
    world.cli(*command, user="registrar").ok()


def bom(world: World, command: str, *arguments: str, env: str = "dev") -> tuple[int, dict[str, object]]:
    done = world.cli("bom", command, *arguments, "--env", env, "--json", user="reader")
    return done.status, done.json


def test_the_bill_is_shown_as_it_stands_and_is_valid(world: World) -> None:
    _, found = bom(world, "show", f"{MODEL}:2.0.0")
    data = json.dumps(found)
    for version in (SchemaVersion.V1_6, SchemaVersion.V1_7):
        assert JsonStrictValidator(version).validate_str(data) is None
    assert '"pkg:pypi/numpy@2.0.0"' in data
    said = world.cli("bom", "show", MODEL, "--env", "dev", user="reader").ok().out
    assert "licence of model" in said
    assert "dependency numpy 2.0.0" in said


def test_three_numbers_and_what_is_missing(world: World) -> None:
    status, less = bom(world, "score", f"{MODEL}:1.0.0")
    assert (status, less["consistency"], less["passed"]) == (1, 100, False)
    _, more = bom(world, "score", f"{MODEL}:2.0.0")
    assert isinstance(less["presence"], int)
    assert isinstance(more["presence"], int)
    assert more["presence"] > less["presence"]
    missing = {str(item["id"]): item for item in _entries(less, "missing")}
    assert missing["runtime-dependencies"]["critical"] is True
    assert "runtime-dependencies" not in {item["id"] for item in _entries(more, "missing")}
    said = world.cli("bom", "score", f"{MODEL}:3.0.0", "--env", "dev", user="reader")
    assert (said.status, "in dev, registered" in said.out) == (1, True)
    assert {"presence", "verified", "consistency"} <= {line.split("  ")[0] for line in said.out.splitlines()}


def test_a_file_is_scored_and_compared_without_a_registry(world: World, tmp_path: Path) -> None:
    _, found = bom(world, "show", f"{MODEL}:2.0.0")
    file = tmp_path / "bom.cdx.json"
    file.write_text(json.dumps({**found, "decimals": 0.5}))
    scored = world.cli("bom", "score", str(file), "--json")
    assert (scored.status, scored.json["verified"], scored.json["consistency"]) == (1, 0, None)
    status, nothing = bom(world, "diff", str(file), f"{MODEL}:2.0.0")
    assert (status, nothing["changes"]) == (0, [])
    for text, words in (("{", "is not JSON"), ("{}", "is no CycloneDX document")):
        file.write_text(text)
        refused = world.cli("bom", "score", str(file))
        assert (refused.status, words in refused.line) == (2, True)
    assert world.cli("bom", "score", str(tmp_path / "none.json")).status == 2


def test_releases_are_compared(world: World) -> None:
    status, found = bom(world, "diff", f"{MODEL}:2.0.0", f"{MODEL}:3.0.0")
    changes = {str(item["part"]): (item["before"], item["after"]) for item in _entries(found, "changes")}
    assert status == 1
    assert changes.pop("version") == ("2.0.0", "3.0.0")
    assert changes.pop("model") == ("apache-2.0", "gpl-3.0")
    assert set(changes) == {"file README.md", "file model.safetensors", "file model-manifest.json"}
    said = world.cli("bom", "diff", f"{MODEL}:1.0.0", f"{MODEL}:2.0.0", "--env", "dev", user="reader").out
    assert "dependencies: numpy" in said


def test_the_policy_of_the_settings_asks_for_it_and_for_licences(world: World) -> None:
    file = world.environments / "prod.yaml"
    before = file.read_text()
    try:
        for asked, failed in (
            ({"bom": "consistent", "licences": ["apache-2.0"]}, set()),
            ({"bom": "verified"}, {"bom"}),
            ({"licences": ["mit"]}, {"licences"}),
            ({"base_owners": ["acme"]}, {"base-models"}),
            ({"base_owners": ["acme"], "no_base_model": True}, set()),
        ):
            settings = yaml.safe_load(before)
            settings["trust"]["policy"] = asked
            file.write_text(yaml.safe_dump(settings))
            world.cli("channel", "policy", MODEL, "--env", "prod", "--from-settings", user="promoter").ok()
            looked = world.cli("promote", f"{MODEL}:2.0.0", "--to", "prod", "--dry-run", "--json", user="promoter")
            gates = {str(item["gate"]) for item in _entries(looked.json, "gates") if not item["passed"]}
            assert (gates, looked.status) == (failed, int(bool(failed)))
    finally:
        file.write_text(before)


def test_a_bill_that_somebody_replaced_is_refused_and_the_part_named(world: World) -> None:
    client, repository = world.client("admin"), records_repository("dev")
    shown = world.cli("release", "show", f"{MODEL}:1.0.0", "--env", "dev", "--json", user="reader").ok().json
    path = f"{MODEL}/releases/{str(shown['release']).removeprefix('sha256:')}/bom.cdx.json"
    data = client.read(repository=repository, path=path, limit=1_000_000)
    client.deploy_bytes(
        repository=repository, path=path, data=data.replace(b'"version":"1.0.0"', b'"version":"1.0.1"'), overwrite=True
    )
    for command in (("bom", "score", f"{MODEL}:1.0.0"), ("bom", "show", f"{MODEL}:1.0.0")):
        refused = world.cli(*command, "--env", "dev", user="reader")
        assert (refused.status, "version: the bill says 1.0.1" in refused.line) == (4, True)


def _entries(found: dict[str, object], key: str) -> list[dict[str, object]]:
    entries = found[key]
    assert isinstance(entries, list)
    return entries
