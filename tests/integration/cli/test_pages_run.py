"""The blocks of docs/cli.md, bom.md, ledger.md, audit.md and answers.md, run as printed over two channels in a registry."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from tests.integration.cli.cli_world import IMAGE, KEYS, MODEL, World, start_registry
from tests.integration.cli.page_commands import DOCS, commands_of, run_words
from weighbridge.names import Digest

pytestmark = pytest.mark.twin

TRAIN = b"text,label\nthe registry is full,storage\n"
VALUES = {
    "sentence-transformers/all-MiniLM-L6-v2@COMMIT": f"sentence-transformers/all-MiniLM-L6-v2@{'c' * 40}",
    "sha256:...": str(Digest.of(TRAIN)),
    "sha256:DIGEST": str(Digest.of(TRAIN)),
    "TEXT": "poisoned",
}


def weights(byte: int) -> bytes:
    header = json.dumps({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes([byte] * 4)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Keys and settings of dev and prod, with an inspector and a sealer; a folder with a model; no channel yet."""
    with start_registry(tmp_path_factory.mktemp("registry")) as registry:
        made = World(folder=tmp_path_factory.mktemp("pages"), registry=registry)
        for key in ("registrar", "inspector", "sealer"):
            made.cli("channel", "keygen", f"keys/{key}.pem", "--scheme", "ecdsa-sha2-nistp256").ok()
        for environment, before in (("dev", None), ("prod", "dev")):
            for key in KEYS:
                if key != "registrar":
                    made.cli("channel", "keygen", f"keys/{environment}-{key}.pem").ok()
            line = f"    registrar: file:{made.folder}/keys/registrar.pem\n"
            more = "".join(f"    {role}: file:{made.folder}/keys/{role}.pem\n" for role in ("inspector", "sealer"))
            seals = f"\n  seals: folder:{made.folder}/seals-{environment}\n  keys:\n"
            made.write_settings(environment, promote_from=before, **{line: line + more, "\n  keys:\n": seals})
        (made.folder / "model").mkdir()
        (made.folder / "model" / "model.safetensors").write_bytes(weights(1))
        (made.folder / "model" / "config.json").write_bytes(b'{"hidden_size": 8}')
        (made.folder / "train.csv").write_bytes(TRAIN)
        (made.folder / "requirements.txt").write_text("numpy==2.4.0 --hash=sha256:" + "d" * 64 + "\n", encoding="utf-8")
        yield made


def publish(world: World, version: str) -> None:
    """Bring another version to prod, with nothing in common with the first but its name."""
    world.upload_quickly(version, {"model.safetensors": weights(2), "config.json": b'{"hidden_size": 16}'})
    world.cli("register", f"{MODEL}:{version}", "--env", "dev", "--image", IMAGE, "--lock", "requirements.txt", user="registrar").ok()  # fmt: skip
    world.cli("inspect", "--release", f"{MODEL}:{version}", "--env", "dev", "--sign", user="inspector").ok()
    for channel in ("dev", "prod"):
        world.cli("promote", f"{MODEL}:{version}", "--to", channel, "--no-parameter", user="promoter").ok()


def test_the_whole_way_of_the_command_line(world: World) -> None:
    for words in commands_of("cli.md", "The whole way"):
        if "--rollback-to" in words:
            publish(world, "2.0.0")
        run_words(world, words, values=VALUES)
    assert (world.folder / "pulled" / "model.safetensors").read_bytes() == weights(1)
    shown = world.cli("channel", "show", MODEL, "--env", "prod", "--json", user="reader").ok().json
    assert [item["version"] for item in shown["promotions"]] == ["1.0.0", "2.0.0", "1.0.0"]  # type: ignore[union-attr,index,call-overload]


@pytest.mark.parametrize(("page", "heading"), [("bom.md", "Show and compare"), ("ledger.md", "Verify and seal"), ("audit.md", None)])  # fmt: skip
def test_a_page_about_looking(world: World, page: str, heading: str | None) -> None:
    found = commands_of(page, heading)
    assert found
    for words in found:
        run_words(world, words, values=VALUES, statuses=(0, 1) if words[:2] == ["bom", "diff"] else (0,))


def test_the_readmes_questions_are_answered(world: World) -> None:
    """Diff and reconcile ask AWS and have tests of their own; revoke shows its plan here and is applied below."""
    table = (
        (DOCS.parent / "README.md").read_text(encoding="utf-8").partition("## What it answers")[2].partition("## ")[0]
    )
    asked = [shlex.split(command)[1:] for command in re.findall(r"`(weighbridge [^`]+)`", table)]
    assert {words[0] for words in asked} == {
        "where",
        "lineage",
        "impact",
        "revoke",
        "diff",
        "promote",
        "audit",
        "reconcile",
    }
    for words in asked:
        if words[0] not in ("diff", "reconcile"):
            run_words(world, [word for word in words if word != "--apply"], values=VALUES)


def test_taking_back_what_a_dataset_touched(world: World) -> None:
    plan, applied = (run_words(world, words, values=VALUES) for words in commands_of("answers.md", "Take it back"))
    assert f"{MODEL}:1.0.0" in plan.out
    assert f"{MODEL}:2.0.0" not in plan.out
    assert applied.status == 0
    for version, status in (("1.0.0", 4), ("2.0.0", 0)):
        assert world.cli("resolve", f"{MODEL}:{version}", "--env", "prod", user="reader").status == status
