"""docs/operations.md: the walk's and day two's commands, as printed and in their order, over two channels in a registry.

What needs AWS is not here: the CDK's and AWS's own commands run in the demo and in tests/twin, `weighbridge approve` in
tests/twin/test_approvals_twin.py, `doctor`, `setup` and `reconcile` in tests of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.cli_world import KEYS, MODEL, Outcome, World, start_registry
from tests.integration.cli.page_commands import DOCS, commands_of, run_words
from weighbridge.names import Digest

pytestmark = pytest.mark.twin

PAGE = DOCS / "operations.md"
ELSEWHERE = {"approve", "doctor", "guard", "reconcile", "setup"}
TRAIN = b"text,label\nthe registry is full,storage\n"
HEADER = json.dumps({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + b"\1\2\3\4"


def follow(world: World, heading: str) -> list[Outcome]:
    """Run the commands under a heading of the page, but for those that are run elsewhere."""
    values = {
        "ORG/NAME@COMMIT": f"org/base@{'c' * 40}",
        "sha256:DIGEST": str(Digest.of(TRAIN)),
        "/media/offline/prod-root-1.pem": "keys/offline-root.pem",
    }
    found = [words for words in commands_of(PAGE.name, heading) if words[0] not in ELSEWHERE]
    return [run_words(world, words, values=values) for words in found]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Keys and settings of dev and prod, an inspector, a folder with a model; no channel yet."""
    with start_registry(tmp_path_factory.mktemp("registry")) as registry:
        made = World(folder=tmp_path_factory.mktemp("walk"), registry=registry)
        for key in ("registrar", "inspector"):
            made.cli("channel", "keygen", f"keys/{key}.pem", "--scheme", "ecdsa-sha2-nistp256").ok()
        for environment, before in (("dev", None), ("prod", "dev")):
            for key in KEYS:
                if key != "registrar":
                    made.cli("channel", "keygen", f"keys/{environment}-{key}.pem").ok()
            line = f"    registrar: file:{made.folder}/keys/registrar.pem\n"
            more = {line: f"{line}    inspector: file:{made.folder}/keys/inspector.pem\n"}
            made.write_settings(environment, promote_from=before, **more)
        (made.folder / "model").mkdir()
        (made.folder / "model" / "model.safetensors").write_bytes(WEIGHTS)
        (made.folder / "model" / "config.json").write_bytes(b'{"hidden_size": 8}')
        (made.folder / "train.csv").write_bytes(TRAIN)
        (made.folder / "requirements.txt").write_text("numpy==2.4.0 --hash=sha256:" + "d" * 64 + "\n", encoding="utf-8")
        yield made


def test_channels_are_founded_and_pinned(world: World) -> None:
    follow(world, "3. Keys, and the channels")
    for environment in ("dev", "prod"):
        said = world.cli("channel", "root", "--env", environment, "--json", user="reader").ok().json
        assert said["root_digest"] in (world.environments / f"{environment}.yaml").read_text(encoding="utf-8")


def test_the_first_model_reaches_prod(world: World) -> None:
    follow(world, "8. The first model")
    assert f"{MODEL}:1.0.0" in follow(world, "9. The first endpoint")[0].out
    said = world.cli("audit", "--env", "prod", "--json", user="admin").ok().json
    assert {item["rule"] for item in said["findings"]} == {"audit.no-seals"}  # type: ignore[union-attr,index,call-overload]


def test_another_region_follows_the_same_channel(world: World) -> None:
    text = (world.environments / "prod.yaml").read_text(encoding="utf-8")
    elsewhere = text.replace("environment: prod\n", "environment: prod-west\n")
    path = world.environments / "prod-west.yaml"
    path.write_text(elsewhere.replace("ledger.sqlite", "ledger-west.sqlite"), encoding="utf-8")
    try:
        before = world.cli("channel", "show", MODEL, "--env", "prod", "--json", user="reader").ok().json
        repeated = world.cli(
            "promote", f"{MODEL}:1.0.0", "--env", "prod-west", "--no-parameter", "--json", user="promoter"
        )
        assert repeated.ok().json["version"] == "1.0.0"
        assert world.cli("channel", "show", MODEL, "--env", "prod-west", "--json", user="reader").ok().json == before
        unnamed = world.cli("promote", f"{MODEL}:1.0.0", "--to", "prod", "--no-parameter", user="promoter")
        assert (unnamed.status, "name one with --env" in unnamed.line) == (2, True)
    finally:
        path.unlink()


def test_a_poisoned_dataset_is_found_and_taken_back(world: World) -> None:
    impact, plan, applied = follow(world, "A dataset turns out to be poisoned")
    assert f"{MODEL}:1.0.0" in impact.out
    assert f"{MODEL}:1.0.0" in plan.out
    assert applied.status == 0
    for command in (
        ["resolve", MODEL, "--env", "prod"],
        ["promote", f"{MODEL}:1.0.0", "--to", "prod", "--no-parameter"],
    ):
        refused = world.cli(*command, "--json", user="promoter")
        error = refused.json["error"]
        assert isinstance(error, dict)
        assert (refused.status, error["rule"]) == (4, "refused.revoked")


def test_every_block_is_followed_here_or_elsewhere() -> None:
    said = {words[0] for words in commands_of(PAGE.name)}
    headings = re.findall(r'follow\(world, "([^"]+)"', Path(__file__).read_text(encoding="utf-8"))
    followed = {words[0] for heading in headings for words in commands_of(PAGE.name, heading)}
    assert said - followed - ELSEWHERE == set()
