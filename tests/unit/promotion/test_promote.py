"""Promoting: verified first, copied and compared, visible at once or not at all, and completed after any death."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from securesystemslib.signer import CryptoSigner

from tests.unit.promotion.promotion_world import MODEL, NOW, PromotionWorld
from tests.unit.registration.memory_registry import KilledError
from weighbridge.errors import (
    InputError,
    IntegrityError,
    NothingPromotedError,
    RegistryConflictError,
    RegistryNotFoundError,
    RevokedError,
    TrustError,
    WeighbridgeError,
)
from weighbridge.trust import Policy
from weighbridge.verification import verify_release


def test_a_release_goes_from_registration_to_prod(world: PromotionWorld) -> None:
    registered = world.register("1.0.0")
    first = world.promote("1.0.0", to="dev")
    second = world.promote("1.0.0", to="prod")
    assert (first.promotion.source, first.promotion.source_id) == (None, None)
    assert (second.promotion.source, second.promotion.source_id) == ("dev", first.promotion.release_id)
    found = verify_release(
        client=world.registry,  # type: ignore[arg-type]
        layout=world.channels["prod"].layout,
        state=world.state("prod"),
        name=MODEL,
    )
    assert (found.digest, found.release_id) == (registered.digest, second.promotion.release_id)
    for item in found.release.components:
        path = f"models/{MODEL}/1.0.0/{item.path}"
        assert world.registry.files["prod-models", path] == world.registry.files["dev-models", path]
    folder = f"{MODEL}/releases/{registered.digest.hex}"
    for name in ("release.json", f"records/{registered.statements.hex}.json", "chunks.json"):
        assert (
            world.registry.files["prod-records", f"{folder}/{name}"]
            == (world.registry.files["dev-records", f"{folder}/{name}"])
        )


def test_repeating_changes_nothing_whoever_repeats_it(world: PromotionWorld) -> None:
    world.register("1.0.0")
    world.promote("1.0.0", to="dev")
    first = world.promote("1.0.0", to="prod")
    before = dict(world.registry.files)
    again = world.promote("1.0.0", to="prod", by="bob")
    assert (first.changed, again.changed) == (True, False)
    assert again.promotion == first.promotion
    assert world.registry.files == before


@pytest.mark.parametrize("when", ["die_before", "die_after"])
@pytest.mark.parametrize("channel", ["dev", "prod"])
def test_killed_at_any_write_readers_see_all_or_nothing_and_repeating_completes(
    world: PromotionWorld, when: str, channel: str
) -> None:
    registry = world.registry
    world.register("1.0.0")
    if channel == "prod":
        world.promote("1.0.0", to="dev")
    start, files = list(registry.writes), dict(registry.files)
    world.promote("1.0.0", to=channel)
    total = len(registry.writes) - len(start)
    assert total >= (4 if channel == "dev" else 12)
    ledger = world.folder / "ledger.sqlite"
    for at in range(total):
        registry.files, registry.writes = dict(files), list(start)
        ledger.unlink()
        setattr(registry, when, len(start) + at + (when == "die_after"))
        with pytest.raises(KilledError):
            world.promote("1.0.0", to=channel)
        registry.die_before = registry.die_after = None
        seen = world.state(channel).promotions(MODEL)
        assert len(seen) == (1 if when == "die_after" and at == total - 1 else 0)
        done = world.promote("1.0.0", to=channel)
        assert (done.promotion.sequence, world.state(channel).head(MODEL)) == (1, done.promotion)


def test_what_was_not_registered_or_not_promoted_is_said_so(world: PromotionWorld) -> None:
    with pytest.raises(RegistryNotFoundError, match="weighbridge register"):
        world.promote("1.0.0", to="dev")
    world.register("1.0.0")
    with pytest.raises(NothingPromotedError, match=r"dev: minilm:1\.0\.0 was never promoted here"):
        world.promote("1.0.0", to="prod")
    world.promote("1.0.0", to="dev")
    with pytest.raises(NothingPromotedError, match=r"promoted versions: 1\.0\.0"):
        world.promote("2.0.0", to="prod")


def test_a_half_done_registration_is_not_promoted(world: PromotionWorld) -> None:
    done = world.register("1.0.0")
    del world.registry.files["dev-records", f"{MODEL}/releases/{done.digest.hex}/records/{done.statements.hex}.json"]
    with pytest.raises(RegistryNotFoundError, match="half done"):
        world.promote("1.0.0", to="dev")


def _flip(world: PromotionWorld, repository: str) -> None:
    path = f"models/{MODEL}/1.0.0/model.safetensors"
    world.registry.files[repository, path] = b"WEIGHTS 1.0.0"


def _lose(world: PromotionWorld, repository: str) -> None:
    del world.registry.files[repository, f"models/{MODEL}/1.0.0/config.json"]


@pytest.mark.parametrize("attack", [_flip, _lose])
@pytest.mark.parametrize("channel", ["dev", "prod"])
def test_weights_that_are_not_the_releases_stop_it_before_anything_is_written(
    world: PromotionWorld, attack: Callable[[PromotionWorld, str], None], channel: str
) -> None:
    world.register("1.0.0")
    if channel == "prod":
        world.promote("1.0.0", to="dev")
    attack(world, "dev-models")
    before = list(world.registry.writes)
    with pytest.raises(WeighbridgeError) as caught:
        world.promote("1.0.0", to=channel)
    assert isinstance(caught.value, IntegrityError | RegistryNotFoundError)
    assert world.registry.writes == before
    assert world.state(channel).promotions(MODEL) == ()


def test_other_bytes_at_the_target_are_a_conflict(world: PromotionWorld) -> None:
    world.register("1.0.0")
    world.promote("1.0.0", to="dev")
    _flip(world, "prod-models")
    with pytest.raises(RegistryConflictError):
        world.promote("1.0.0", to="prod")
    assert world.state("prod").promotions(MODEL) == ()


def test_records_that_were_exchanged_are_refused(world: PromotionWorld) -> None:
    first, second = world.register("1.0.0"), world.register("2.0.0")
    files, folder = world.registry.files, f"{MODEL}/releases"
    for own, other in (
        ("release.json", "release.json"),
        (f"records/{first.statements.hex}.json", f"records/{second.statements.hex}.json"),
    ):
        kept = dict(files)
        files["dev-records", f"{folder}/{first.digest.hex}/{own}"] = files[
            "dev-records", f"{folder}/{second.digest.hex}/{other}"
        ]
        with pytest.raises(IntegrityError):
            world.promote("1.0.0", to="dev")
        files.update(kept)
    files["dev-records", f"{MODEL}/versions/1.0.0.json"] = files["dev-records", f"{MODEL}/versions/2.0.0.json"]
    with pytest.raises(TrustError):
        world.promote("1.0.0", to="dev")


@pytest.mark.parametrize("kind", ["registrar", "base owner", "licence"])
def test_the_targets_policy_is_checked_before_anything_is_copied(world: PromotionWorld, kind: str) -> None:
    world.register("1.0.0")
    world.promote("1.0.0", to="dev")
    prod = world.channels["prod"]
    other = CryptoSigner.generate_ecdsa().public_key
    changes: dict[str, Policy] = {
        "registrar": replace(prod.policy, keys={other.keyid: other}, roles={"registrar": (other.keyid,)}),
        "base owner": replace(prod.policy, base_owners=("others",)),
        "licence": replace(prod.policy, licences=("Apache-2.0",)),
    }
    world.channel("prod").set_policy(policy=changes[kind], signers=prod.signers.targets, now=NOW)
    before = list(world.registry.writes)
    with pytest.raises(TrustError):
        world.promote("1.0.0", to="prod")
    assert world.registry.writes == before


@pytest.mark.parametrize("channel", ["dev", "prod"])
def test_a_revoked_release_is_not_promoted(world: PromotionWorld, channel: str) -> None:
    done = world.register("1.0.0")
    world.promote("1.0.0", to="dev")
    signers = world.channels[channel].signers.revocations
    world.channel(channel).revoke(releases=[done.digest], reason="poisoned", signers=signers, now=NOW)
    with pytest.raises(RevokedError, match=r"minilm:1\.0\.0"):
        world.promote("1.0.0", to="prod")
    assert world.state("prod").promotions(MODEL) == ()


def test_going_back_is_a_rollback_and_bears_the_reason(world: PromotionWorld) -> None:
    for version in ("1.0.0", "2.0.0"):
        world.register(version)
        world.promote(version, to="dev")
        world.promote(version, to="prod")
    with pytest.raises(InputError, match=r"--rollback-to 1\.0\.0"):
        world.promote("1.0.0", to="prod")
    before = world.state("prod").promotions(MODEL)
    back = world.roll_back("1.0.0")
    again = world.roll_back("1.0.0")
    assert (back.promotion.sequence, back.promotion.reason, back.changed) == (3, "rollback", True)
    assert (again.promotion, again.changed) == (back.promotion, False)
    assert back.promotion.release == before[0].release
    assert (back.promotion.source, back.promotion.source_id) == (before[0].source, before[0].source_id)
    assert world.roll_back("2.0.0").promotion.sequence == 4


def test_a_rollback_needs_an_earlier_promotion_with_its_bytes_unrevoked(world: PromotionWorld) -> None:
    digests = {}
    for version in ("1.0.0", "2.0.0"):
        digests[version] = world.register(version).digest
        world.promote(version, to="dev")
    world.promote("1.0.0", to="prod")
    with pytest.raises(NothingPromotedError, match="never promoted here"):
        world.roll_back("2.0.0")
    world.promote("2.0.0", to="prod")
    kept = dict(world.registry.files)
    _flip(world, "prod-models")
    with pytest.raises(IntegrityError, match=r"model\.safetensors"):
        world.roll_back("1.0.0")
    world.registry.files = kept
    signers = world.channels["prod"].signers.revocations
    world.channel("prod").revoke(releases=[digests["1.0.0"]], reason="poisoned", signers=signers, now=NOW)
    with pytest.raises(RevokedError):
        world.roll_back("1.0.0")
    assert world.state("prod").head(MODEL).version == "2.0.0"


def test_properties_are_shown_to_people_and_cost_nothing(world: PromotionWorld) -> None:
    done = world.register("1.0.0")
    world.promote("1.0.0", to="dev")
    world.promote("1.0.0", to="prod")
    assert world.registry.props["prod-models", f"models/{MODEL}/1.0.0"] == {
        "weighbridge.release": done.digest.hex, "weighbridge.channel": "prod", "weighbridge.sequence": "1",
    }  # fmt: skip
    world.registry.refuse_properties = True
    again = world.promote("1.0.0", to="prod")
    assert len(again.warnings) == 1
