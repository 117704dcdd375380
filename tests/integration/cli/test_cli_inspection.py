"""Register, inspect, promote on the command line, each as its own identity: nothing passes without the inspector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.registry.process import RegistryProcess
from local.registry.standard import standard_config
from tests.integration.cli.cli_world import KEYS, MODEL, TOKENS, World
from weighbridge.ledger.events import Event, SqliteEvents

HEADER = json.dumps({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
FILES = {
    "model.safetensors": len(HEADER).to_bytes(8, "little") + HEADER + b"\1\2\3\4",
    "config.json": b'{"hidden_size": 8}',
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("inspection")
    with RegistryProcess(folder=folder / "registry", config=standard_config(hub_url=None, tokens=TOKENS)) as registry:
        found = World(folder=folder, registry=registry)
        for key in ("registrar", "inspector"):
            found.cli("channel", "keygen", f"keys/{key}.pem", "--scheme", "ecdsa-sha2-nistp256").ok()
        for environment, before in (("dev", None), ("prod", "dev")):
            for key in KEYS:
                if key != "registrar":
                    found.cli("channel", "keygen", f"keys/{environment}-{key}.pem").ok()
            line = f"    registrar: file:{folder}/keys/registrar.pem\n"
            more = {line: f"{line}    inspector: file:{folder}/keys/inspector.pem\n"}
            found.write_settings(environment, promote_from=before, **more)
            found.cli("channel", "init", "--env", environment, "--update-settings", user="promoter").ok()
        yield found


def registered(world: World, version: str, **files: bytes) -> str:
    world.upload_quickly(version, {**FILES, **files})
    world.register(version).ok()
    return f"{MODEL}:{version}"


def told(world: World) -> list[Event]:
    """Inspections that the ledger knows of."""
    ledger = SqliteEvents(path=world.folder / "ledger.sqlite")
    return [entry.event for entry in ledger.events() if entry.event.kind == "inspected"]


def promote(world: World, model: str, to: str) -> tuple[int, str]:
    done = world.cli("promote", model, "--env", to, "--no-parameter", "--json", user="promoter")
    error = done.json.get("error")
    return done.status, str(error["rule"]) if isinstance(error, dict) else ""


def test_the_founded_policy_requires_the_inspector(world: World) -> None:
    policy = json.loads(world.cli("channel", "policy", MODEL, "--env", "prod", user="reader").ok().out)
    assert policy["required_statements"]["urn:weighbridge:inspection:v1"] == ["inspector"]
    assert len(policy["roles"]["inspector"]) == 1


def test_register_inspect_promote_pull(world: World, tmp_path: Path) -> None:
    model = registered(world, "1.0.0")
    assert promote(world, model, "dev") == (4, "refused.missing-statement")
    done = world.cli("inspect", "--release", model, "--env", "dev", "--sign", "--json", user="inspector")
    assert (done.status, done.json["verdict"]) == (0, "clean")
    assert "/statements/inspector." in str(done.json["statement"])
    assert promote(world, model, "dev") == (0, "")
    assert promote(world, model, "prod") == (0, "")
    world.cli("pull", MODEL, "--env", "prod", "--to", str(tmp_path / "pulled"), user="reader").ok()
    assert (tmp_path / "pulled" / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_what_is_blocked_goes_nowhere(world: World) -> None:
    model = registered(world, "2.0.0", **{"config.json": b'{"auto_map": {"AutoModel": "evil.Model"}}'})
    before = len(told(world))
    done = world.cli("inspect", "--release", model, "--env", "dev", "--sign", "--json", user="inspector")
    assert (done.status, done.json["verdict"]) == (1, "blocked")
    assert promote(world, model, "dev") == (4, "refused.inspection")
    (event,) = told(world)[before:]
    assert (event.version, event.details["verdict"]) == ("2.0.0", "blocked")
    assert event.details["statement"] == done.json["statement"]


def test_looking_states_nothing(world: World) -> None:
    model = registered(world, "3.0.0")
    done = world.cli("inspect", "--release", model, "--env", "dev", "--json", user="reader")
    assert (done.status, done.json["statement"]) == (0, None)
    assert "3.0.0" not in {event.version for event in told(world)}
    assert promote(world, model, "dev") == (4, "refused.missing-statement")


@pytest.mark.parametrize("user", ["scientist", "reader", "keeper"])
def test_nobody_else_writes_a_statement(world: World, user: str) -> None:
    model = registered(world, f"4.0.0-{user}")
    done = world.cli("inspect", "--release", model, "--env", "dev", "--sign", user=user)
    assert (done.status, "403" in done.line) == (3, True)
    assert promote(world, model, "dev") == (4, "refused.missing-statement")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "FOLDER and --release"),
        ((".", "--release", "minilm:1.0.0", "--env", "dev"), "FOLDER and --release"),
        ((".", "--sign"), "--sign"),
        (("--release", "minilm:1.0.0", "--env", "prod"), "not the first environment"),
        (("--release", "minilm", "--env", "dev"), "names no version"),
    ],
)
def test_misuse_is_one_line(world: World, arguments: tuple[str, ...], said: str) -> None:
    done = world.cli("inspect", *arguments, user="inspector")
    assert (done.status, said in done.line) == (2, True)
