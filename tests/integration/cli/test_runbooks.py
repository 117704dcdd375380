"""docs/runbooks.md: every command that stands there is run, in its order, and does what the page says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.cli_world import MODEL, Outcome, World, start_registry
from weighbridge.ledger.events import SqliteEvents

pytestmark = pytest.mark.twin

PAGE = Path(__file__).resolve().parents[3] / "docs" / "runbooks.md"
POLICY = """\
  policy:
    soak_hours: 24
    principals:
      - {{key: "file:{folder}/keys/ann.pem", name: ann}}
      - {{key: "file:{folder}/keys/bob.pem", name: bob}}
      - {{key: "file:{folder}/keys/prod-promoter.pem", name: cat}}
      - {{key: "file:{folder}/keys/prod-promoter-2.pem", name: cat}}
"""


def commands() -> dict[str, list[list[str]]]:
    """Return the commands of the page's shell blocks, by heading."""
    found: dict[str, list[list[str]]] = {}
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        found[heading] = [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]
    return found


DRILLS = commands()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """1.0.0 is promoted to dev and prod; prod asks for a day of soak and knows whose keys are whose."""
    with start_registry(tmp_path_factory.mktemp("registry")) as registry:
        made = World(folder=tmp_path_factory.mktemp("cli"), registry=registry)
        made.found_channels()
        for name in (
            "ann",
            "bob",
            "prod-promoter-2",
            "prod-revocations-2",
            "prod-targets-2",
            "prod-online-2",
            "prod-root-2",
            "sealer",
            "sealer-2",
        ):
            made.cli("channel", "keygen", f"keys/{name}.pem").ok()
        made.upload_quickly("1.0.0")
        made.register("1.0.0").ok()
        for channel in ("dev", "prod"):
            made.cli("promote", f"{MODEL}:1.0.0", "--to", channel, "--no-parameter", user="promoter").ok()
        change(made, f"  keys:\n    root: [file:{made.folder}/keys/prod-root.pem]", (
            POLICY.format(folder=made.folder)
            + f"  keys:\n    breakglass: [file:{made.folder}/keys/ann.pem, file:{made.folder}/keys/bob.pem]\n"
            + f"    root: [file:{made.folder}/keys/prod-root.pem]"
        ))  # fmt: skip
        yield made


def change(world: World, old: str, new: str) -> None:
    path = world.environments / "prod.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def follow(world: World, heading: str, *, upto: int | None = None) -> list[Outcome]:
    """Run what stands under a heading, as an identity that may read and write the channel's records."""
    found = []
    for words in DRILLS[heading][:upto]:
        more = ["--no-parameter"] if words[0] == "promote" and "--dry-run" not in words else []
        found.append(world.cli(*words, *more, user="promoter").ok())
    return found


def shown(world: World) -> str:
    return world.cli("channel", "show", MODEL, "--env", "prod", user="reader").ok().out


def test_every_block_is_followed_here() -> None:
    followed = set(re.findall(r'follow\(world, "([^"]+)"', Path(__file__).read_text(encoding="utf-8")))
    assert {heading for heading, lines in DRILLS.items() if lines} == followed


def test_the_policy_of_the_settings_is_published(world: World) -> None:
    follow(world, "The key of the registrar, the inspector, the approver or the image's builder")
    policy = world.cli("channel", "policy", MODEL, "--env", "prod", "--json", user="reader").ok().json
    assert policy["schema"] == "weighbridge.policy/v2"
    assert policy["gates"]["soak_hours"] == 24  # type: ignore[index,call-overload]


def test_the_glass_is_broken_by_two(world: World) -> None:
    heading = "Break the glass"
    world.upload_quickly("1.0.1")
    world.register("1.0.1").ok()
    world.cli("promote", f"{MODEL}:1.0.1", "--to", "dev", "--no-parameter", user="promoter").ok()
    look = ("promote", f"{MODEL}:1.0.1", "--to", "prod", "--dry-run", "--json")

    def failing() -> list[object]:
        outcome = world.cli(*look, user="promoter")
        gates = [gate for gate in outcome.json["gates"] if not gate["passed"]]  # type: ignore[union-attr,index,call-overload]
        assert outcome.status == (1 if gates else 0)
        assert all(gate["remedy"] for gate in gates)  # type: ignore[index,call-overload]
        return [(gate["gate"], gate["rule"]) for gate in gates]  # type: ignore[index,call-overload]

    assert failing() == [("soak", "refused.soak")]
    refused = world.cli("promote", f"{MODEL}:1.0.1", "--to", "prod", "--no-parameter", user="promoter")
    assert (refused.status, "24 hours" in refused.line) == (4, True)
    assert refused_untold(world, DRILLS[heading][0]) == (2, True)
    follow(world, heading, upto=1)
    assert failing() == [("soak", "refused.soak")]
    follow(world, heading, upto=2)
    assert failing() == []
    assert refused_untold(world, [*DRILLS[heading][2], "--no-parameter", "--ledger", LEDGER.format(world)]) == (2, True)
    assert "1.0.1" not in shown(world)
    follow(world, "Break the glass")
    assert "1.0.1" in shown(world)
    told = [entry.event for entry in SqliteEvents(path=world.folder / "ledger.sqlite").events()]
    told = [event for event in told if event.version == "1.0.1" and event.channel == "prod"]
    assert [event.kind for event in told[-2:]] == ["break-glass", "promoted"]
    assert (told[-2].details["used"], told[-2].details["waives"]) == ("promotion", "soak")
    assert len({event.details["key"] for event in told[:-2]}) == 2


LEDGER = "sqlite:{0.folder}/ledger.sqlite"


def refused_untold(world: World, words: list[str]) -> tuple[int, bool]:
    """Run a command while the settings name no ledger of events; return its status, and whether it names what is missing."""
    path = world.environments / "prod.yaml"
    kept = path.read_text(encoding="utf-8")
    change(world, f"ledger: {LEDGER.format(world)}", "ledger: dynamodb:sequences")
    try:
        refused = world.cli(*words, user="promoter")
    finally:
        path.write_text(kept, encoding="utf-8")
    return refused.status, "trust.events: is missing" in refused.line


def test_a_promoters_key(world: World) -> None:
    follow(world, "A promoter's key: rotate, or recover from its loss")
    assert "promoted with a stolen key" in shown(world)
    old = world.cli(
        "promote", MODEL, "--to", "prod", "--rollback-to", "1.0.1", "--no-parameter",
        "--key", "file:keys/prod-promoter.pem", user="promoter",
    )  # fmt: skip
    assert old.status in (0, 2), old.err
    renewed = world.cli(
        "channel", "renew", MODEL, "--env", "prod", "--key", "file:keys/prod-promoter.pem", user="promoter"
    )
    assert (renewed.status, "is not one of its keys" in renewed.line) == (2, True)
    change(world, "prod-promoter.pem]", "prod-promoter-2.pem]")


def test_the_key_that_revokes(world: World) -> None:
    follow(world, "The key that revokes")
    renewed = world.cli("channel", "renew", "revocations", "--env", "prod", user="promoter")
    assert (renewed.status, "is not one of its keys" in renewed.line) == (2, True)
    change(world, "prod-revocations.pem", "prod-revocations-2.pem")


def test_the_online_key(world: World) -> None:
    before = (world.environments / "prod.yaml").read_text(encoding="utf-8")
    change(world, "prod-online.pem", "prod-online-2.pem")
    follow(world, "The online key (snapshot and timestamp)")
    shown(world)
    now = (world.environments / "prod.yaml").read_text(encoding="utf-8")
    (world.environments / "prod.yaml").write_text(before, encoding="utf-8")
    refused = world.cli("channel", "refresh", "--env", "prod", user="promoter")
    assert refused.status != 0, "the old key signs nothing any more"
    (world.environments / "prod.yaml").write_text(now, encoding="utf-8")
    world.cli("channel", "refresh", "--env", "prod", user="promoter").ok()


def test_the_owners_key(world: World) -> None:
    follow(world, "The owner's key")
    renewed = world.cli("channel", "renew", "targets", "--env", "prod", user="promoter")
    assert renewed.status == 2
    change(world, "prod-targets.pem", "prod-targets-2.pem")
    world.cli("channel", "renew", "targets", "--env", "prod", user="promoter").ok()
    shown(world)


def test_the_sealers_key(world: World) -> None:
    sealer, successor = f"file:{world.folder}/keys/sealer.pem", f"file:{world.folder}/keys/sealer-2.pem"
    change(world, f"ledger: sqlite:{world.folder}/ledger.sqlite", (
        f"ledger: sqlite:{world.folder}/ledger.sqlite\n  seals: folder:{world.folder}/seals"
    ))  # fmt: skip
    change(world, "  keys:\n", f"  keys:\n    sealer: {sealer}\n")
    follow(world, "The sealer's key", upto=1)
    change(world, f"sealer: {sealer}\n", f"sealer: {successor}\n")
    unknown = world.cli("ledger", "verify", "--env", "prod", "--json", user="reader")
    assert (unknown.status, unknown.json["holds"]) == (4, False)
    change(world, f"sealer: {successor}\n", f"sealer: {successor}\n    former_sealers: ['public:{sealer[5:]}.pub']\n")
    world.cli("channel", "renew", MODEL, "--env", "prod", user="promoter").ok()
    follow(world, "The sealer's key")
    verified = world.cli("ledger", "verify", "--env", "prod", "--json", user="reader").ok().json
    assert (verified["holds"], verified["seals"]) == (True, [])
    assert verified["sealed"] == verified["entries"]


def test_root_keys(world: World) -> None:
    change(world, "prod-root.pem", "prod-root-2.pem")
    refused = world.cli("channel", "rotate-root", "--env", "prod", user="promoter")
    assert (refused.status, "old and of the new" in refused.line) == (4, True)
    follow(world, "Root keys")
    shown(world)


def test_the_ledger_was_told_of_every_rotation(world: World) -> None:
    events = [entry.event for entry in SqliteEvents(path=world.folder / "ledger.sqlite").events()]
    rotated = [event for event in events if event.kind == "key-rotated"]
    assert {event.details["subject"] for event in rotated} == {MODEL, "revocations", "root"}
    assert all(event.channel == "prod" and event.actor and event.details["keys"] for event in rotated)
    versions = [int(event.details["root_version"]) for event in rotated if event.details["subject"] == "root"]
    assert versions == list(range(2, 2 + len(versions)))
