"""Bad input on the command line: one clear line, the exit code of its kind, and nothing half-done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.registry.fault import Fault
from local.registry.standard import INCOMING, models_repository, records_repository
from local.registry.tamper import flip_byte
from tests.integration.cli.cli_world import IMAGE, LOCK, MODEL, Outcome, World, files_of, start_registry
from weighbridge.layout import weights_folder
from weighbridge.trust import (
    ChannelSigners,
    OnlineSigners,
    Policy,
    RegistryStore,
    RoleKeys,
    init_channel,
    load_signer,
)

pytestmark = pytest.mark.twin
WEIGHTS = f"{weights_folder(name=MODEL, version='1.0.0')}/model.safetensors"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """1.0.0 is promoted to dev and prod, 2.0.0 is registered, 3.0.0 is uploaded."""
    with start_registry(tmp_path_factory.mktemp("registry")) as registry:
        world = World(folder=tmp_path_factory.mktemp("cli"), registry=registry)
        world.found_channels()
        for version in ("1.0.0", "2.0.0", "3.0.0"):
            world.upload_quickly(version)
        for version in ("1.0.0", "2.0.0"):
            world.register(version).ok()
        for channel in ("dev", "prod"):
            promote(world, "1.0.0", channel).ok()
        yield world


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    yield shared
    shared.registry.clear_faults()


def promote(world: World, version: str, channel: str, **variables: str) -> Outcome:
    return world.cli(
        "promote", f"{MODEL}:{version}", "--to", channel, "--no-parameter", "--json", user="promoter", **variables
    )


def contents(world: World) -> dict[str, str | None]:
    """Every file of every repository of the channels, with its digest."""
    client = world.client("admin")
    keys = [key(channel) for key in (models_repository, records_repository) for channel in ("dev", "prod")]
    return {f"{key}/{item.path}": item.sha256 for key in (*keys, INCOMING) for item in client.listing(repository=key)}


def test_a_missing_or_wrong_token_is_said_so(world: World) -> None:
    without = world.cli("resolve", MODEL, "--env", "prod")
    assert (without.status, without.out) == (2, "")
    assert without.line.startswith("weighbridge: JF_ACCESS_TOKEN: not set")
    wrong = world.cli("resolve", MODEL, "--env", "prod", "--json", token="nobody")
    assert wrong.status == 3
    assert wrong.json["error"] == {
        "rule": "registry.auth",
        "message": wrong.line.removeprefix("weighbridge: "),
        "exit_code": 3,
    }
    assert "nobody" not in wrong.err + wrong.out


@pytest.mark.parametrize("token", ["line\nbreak", "two words", "tökén"])
def test_a_token_that_cannot_be_one_is_refused_without_showing_it(world: World, token: str) -> None:
    done = world.cli("resolve", MODEL, "--env", "prod", token=token)
    assert (done.status, "JF_ACCESS_TOKEN" in done.line, token in done.err) == (2, True, False)


@pytest.mark.parametrize("command", ["register", "promote", "init"])
def test_an_identity_without_the_permission_changes_nothing(world: World, command: str) -> None:
    before = contents(world)
    arguments = {
        "register": ("register", f"{MODEL}:3.0.0", "--env", "dev", "--image", IMAGE, "--lock", LOCK),
        "promote": ("promote", f"{MODEL}:2.0.0", "--to", "dev", "--no-parameter"),
        "init": ("channel", "init", "--env", "staging"),
    }
    world.write_settings("staging", promote_from="dev", **{"/staging-": "/prod-"})
    try:
        done = world.cli(*arguments[command], user="reader")
    finally:
        (world.environments / "staging.yaml").unlink()
    assert done.status == 3
    assert "403" in done.line
    assert contents(world) == before


@pytest.mark.parametrize(
    "command", [("resolve",), ("pull", "--to", "nowhere"), ("release", "show"), ("channel", "show")]
)
def test_an_unknown_model_is_refused_with_the_fix(world: World, command: tuple[str, ...]) -> None:
    place = 1 if command[0] in ("resolve", "pull") else 2
    arguments = [*command[:place], "unheard", *command[place:], "--env", "prod"]
    done = world.cli(*arguments, user="reader")
    assert done.status == 4
    assert "weighbridge channel add-model" in done.line
    assert not (world.folder / "nowhere").exists()


def test_a_model_of_which_nothing_is_promoted(world: World) -> None:
    world.cli("channel", "add-model", "fresh", "--env", "prod", user="promoter").ok()
    done = world.cli("resolve", "fresh", "--env", "prod", "--json", user="reader")
    assert (done.status, done.json["error"]["rule"]) == (4, "refused.nothing-promoted")  # type: ignore[index,call-overload]
    assert "promote a release with `weighbridge promote`" in done.line
    later = world.cli("resolve", f"{MODEL}:2.0.0", "--env", "prod", user="reader")
    assert (later.status, "never promoted here" in later.line) == (4, True)
    skipped = promote(world, "2.0.0", "prod")
    assert (skipped.status, "dev: minilm:2.0.0 was never promoted" in skipped.line) == (4, True)
    unregistered = promote(world, "3.0.0", "dev")
    assert (unregistered.status, "weighbridge register" in unregistered.line) == (3, True)


def test_a_registry_that_is_down_is_said_so(world: World) -> None:
    world.registry.stop()
    try:
        done = world.cli("resolve", MODEL, "--env", "prod", "--json", user="reader")
    finally:
        world.registry.start()
    assert (done.status, done.json["error"]["rule"]) == (3, "registry.unavailable")  # type: ignore[index,call-overload]
    assert "check the network" in done.line


def test_a_wrong_digest_is_refused(world: World) -> None:
    shown = world.cli("resolve", MODEL, "--env", "prod", "--json", user="reader").ok().json
    reference, release_id = str(shown["ReleaseReference"]), str(shown["ReleaseId"])
    assert world.cli("release", "show", reference, "--env", "prod", user="reader").status == 0
    other = reference[:-4] + ("0000" if reference[-4:] != "0000" else "1111")
    done = world.cli("release", "show", other, "--env", "prod", "--json", user="reader")
    assert (done.status, done.json["error"]["rule"]) == (4, "refused.integrity")  # type: ignore[index,call-overload]
    other_id = release_id[:-4] + ("0000" if release_id[-4:] != "0000" else "1111")
    done = world.cli("resolve", MODEL, "--release-id", other_id, "--env", "prod", "--json", user="reader")
    assert (done.status, done.json["error"]["rule"]) == (4, "refused.promotion")  # type: ignore[index,call-overload]


def test_truncated_and_flipped_weights_are_never_left_behind(world: World) -> None:
    world.registry.add_fault(Fault(kind="flip", path=f"*{WEIGHTS}", methods=("GET",)))
    target = world.folder / "pulled"
    done = world.cli("pull", MODEL, "--env", "prod", "--to", str(target), "--json", user="reader")
    assert (done.status, done.json["error"]["rule"]) == (4, "refused.integrity")  # type: ignore[index,call-overload]
    assert not (target / "model.safetensors").exists()
    world.registry.clear_faults()
    world.registry.add_fault(Fault(kind="short", path=f"*{WEIGHTS}", methods=("GET",)))
    done = world.cli("pull", MODEL, "--env", "prod", "--to", str(target), "--json", user="reader")
    assert done.status == 3
    assert "model.safetensors" in done.line
    assert not [path for path in target.rglob("*") if "model.safetensors" in path.name]
    world.registry.clear_faults()
    world.cli("pull", MODEL, "--env", "prod", "--to", str(target), user="reader").ok()
    assert (target / "model.safetensors").read_bytes() == files_of("1.0.0")["model.safetensors"]


def test_weights_that_were_changed_in_incoming_are_not_registered(world: World) -> None:
    path = f"{weights_folder(name=MODEL, version='3.0.0')}/model.safetensors"
    place = flip_byte(folder=world.registry.folder, repository=INCOMING, path=path)
    before = contents(world)
    try:
        done = world.register("3.0.0")
        assert (done.status, done.json["error"]["rule"]) == (4, "refused.integrity")  # type: ignore[index,call-overload]
        assert "model.safetensors" in done.line
        assert contents(world) == before
    finally:
        flip_byte(folder=world.registry.folder, repository=INCOMING, path=path, offset=place)


def test_a_registration_that_broke_off_is_completed_by_repeating_it(world: World) -> None:
    world.registry.add_fault(Fault(kind="status", status=403, path="*statements.json", methods=("PUT",)))
    broken = world.register("3.0.0")
    assert (broken.status, "403" in broken.line) == (3, True)
    half = promote(world, "3.0.0", "dev")
    assert (half.status, "half done: repeat `weighbridge register`" in half.line) == (3, True)
    world.registry.clear_faults()
    world.register("3.0.0").ok()
    again = world.cli(
        "register", f"{MODEL}:3.0.0", "--env", "dev", "--image", IMAGE, "--lock", "sha256:" + "c" * 64, "--json",
        user="registrar",
    )  # fmt: skip
    assert (again.status, again.json["error"]["rule"]) == (3, "registry.conflict")  # type: ignore[index,call-overload]
    assert "under another version" in again.line


def test_expired_metadata_is_refused(world: World) -> None:
    world.write_settings("staging", promote_from="dev", **{"/staging-": "/prod-"})
    keys = world.folder / "keys"
    signers = {
        name: load_signer(f"file:{keys}/prod-{name}.pem") for name in ("root", "targets", "revocations", "online")
    }
    root = init_channel(
        store=RegistryStore(client=world.client("admin"), repository=records_repository("staging")),
        channel="staging",
        signers=ChannelSigners(
            root=[signers["root"]], targets=[signers["targets"]], revocations=[signers["revocations"]],
            online=OnlineSigners(snapshot=signers["online"], timestamp=signers["online"]),
        ),
        policy=Policy(channel="staging", keys={}, roles={}, required_statements={}),
        models={MODEL: RoleKeys.of([load_signer(f"file:{keys}/prod-promoter.pem")])},
        now=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    world.write_settings("staging", promote_from="dev", **{"/staging-": "/prod-", "sha256:" + "0" * 64: str(root)})
    try:
        done = world.cli("resolve", MODEL, "--env", "staging", "--json", user="reader")
        refused = promote(world, "1.0.0", "staging")
    finally:
        (world.environments / "staging.yaml").unlink()
    for outcome in (done, refused):
        assert (outcome.status, outcome.json["error"]["rule"]) == (4, "refused.expired")  # type: ignore[index,call-overload]
        assert len(outcome.err.splitlines()) == 1


def test_another_root_than_the_pinned_one_is_refused(world: World) -> None:
    path = world.environments / "prod.yaml"
    kept = path.read_text()
    pinned = str(world.cli("channel", "root", "--env", "prod", "--json", user="reader").ok().json["root_digest"])
    path.write_text(kept.replace(pinned, "sha256:" + "9" * 64))
    try:
        done = world.cli("resolve", MODEL, "--env", "prod", "--json", user="reader")
    finally:
        path.write_text(kept)
    assert (done.status, done.json["error"]["rule"]) == (4, "refused.root")  # type: ignore[index,call-overload]


def test_two_channels_in_one_repository_are_a_conflict(world: World) -> None:
    before = contents(world)
    world.write_settings("staging", promote_from="dev", **{"staging-": "prod-", "-staging": "-prod"})
    try:
        done = world.cli("channel", "init", "--env", "staging", user="promoter")
    finally:
        (world.environments / "staging.yaml").unlink()
    assert (done.status, "holds the channel 'prod'" in done.line) == (5, True)
    assert contents(world) == before


def _spoil(old: str, new: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_spoil("region:", "regoin:"), "regoin: unknown key"),
        (_spoil("ml.c6i.xlarge", "ml.c6i.huge"), "models[0].endpoint.instance_type"),
        (_spoil("sqlite:", "mysql:"), "trust.ledger"),
        (_spoil("environment: prod", "environment: [prod"), "line"),
        (_spoil('"123456789012"', "123456789012"), "account"),
    ],
)
def test_malformed_settings_name_file_field_and_fix(
    world: World, tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "prod.yaml"
    path.write_text((world.environments / "prod.yaml").read_text())
    spoil(path)
    done = world.cli("resolve", MODEL, "--settings", str(path), user="reader")
    assert (done.status, done.out) == (2, "")
    assert said in done.line
    assert str(path) in done.line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("resolve", MODEL), "--env"),
        (("resolve", MODEL, "--env", "nowhere"), "there is no such file"),
        (("resolve", "a/b", "--env", "prod"), "model name"),
        (("resolve", MODEL, "--env", "prod", "--release-id", "latest"), "--release-id"),
        (("promote", MODEL, "--to", "prod"), "names no version"),
        (("promote", f"{MODEL}:1.0.0"), "--to"),
        (("promote", f"{MODEL}:1.0.0", "--to", "moon"), "no environment"),
        (("promote", f"{MODEL}:1.0.0", "--to", "prod", "--rollback-to", "1.0.0"), "--rollback-to"),
        (("promote", f"{MODEL}:1.0.0", "--to", "prod", "--ledger", "mysql:x"), "ledger"),
        (("register", f"{MODEL}:1.0.0", "--env", "dev"), "training.runtime_image"),
        (("register", f"{MODEL}:1.0.0", "--env", "dev", "--image", IMAGE, "--lock", "missing.txt"), "missing.txt"),
        (("register", f"{MODEL}:1.0.0", "--env", "prod"), "first environment"),
        (("upload", "missing", f"{MODEL}:9", "--env", "dev"), "not a folder"),
        (("upload", ".", f"{MODEL}:9", "--env", "dev", "--base-model", "org/name"), "--base-model"),
        (("upload", ".", f"{MODEL}:9", "--env", "dev", "--metric", "accuracy"), "--metric"),
        (("upload", ".", f"{MODEL}:9"), "--repository"),
        (("upload", ".", f"{MODEL}:9", "--repository", "x", "--url", "http://[::1"), "registry url"),
        (("upload", ".", f"{MODEL}:9", "--repository", "x", "--url", "http://example.com"), "use https"),
        (("channel", "keygen", "keys/prod-root.pem"), "exists already"),
        (("channel", "revoke", "everything", "--env", "prod", "--reason", "x"), "names no version"),
        (("channel", "policy", MODEL, "--env", "prod", "--set", "environments/prod.yaml"), "environments/prod.yaml"),
        (("nonsense",), "nonsense"),
        (("pull", MODEL, "--env", "prod"), "--to"),
    ],
)
def test_bad_arguments_are_one_line_and_status_two(world: World, arguments: tuple[str, ...], said: str) -> None:
    done = world.cli(*arguments, "--json", user="promoter")
    assert done.status == 2, done
    assert said in done.line
    assert done.json["error"]["exit_code"] == 2  # type: ignore[index,call-overload]


def test_upload_without_frogml_says_what_to_install(world: World) -> None:
    folder = world.folder / "model-1.0.0"
    done = world.cli("upload", str(folder), f"{MODEL}:9.0.0", "--env", "dev", user="scientist")
    assert (done.status, "weighbridge[train]" in done.line) == (2, True)


def test_an_upload_that_frogml_lost_a_file_of_fails(world: World) -> None:
    world.registry.add_fault(Fault(kind="status", status=403, path="*1_Pooling/config.json", methods=("PUT",)))
    broken = world.upload("4.0.0", files_of("4.0.0"))
    assert broken.status == 4
    assert "config.json" in broken.err.splitlines()[-1]
    world.registry.clear_faults()
    assert world.upload("4.0.0", files_of("4.0.0")).ok().json["already_there"] is True
    changed = world.upload("4.0.0", {"config.json": b"other"})
    assert (changed.status, "exists with other bytes" in changed.err.splitlines()[-1]) == (3, True)
