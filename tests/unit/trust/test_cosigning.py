"""A promotion that two people sign, one after the other: nothing is published before, and nobody is two people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from trust_world import MODEL, NOW, World, make_world
from tuf.api.metadata import Metadata, Targets

from weighbridge.errors import ConflictError, InputError, NothingPromotedError, TrustError
from weighbridge.names import Digest
from weighbridge.trust import Gates, RoleKeys, channel


@pytest.fixture
def two(tmp_path: Path) -> World:
    """A channel whose model needs two of its three promoters."""
    return make_world(tmp_path, promoters=3, threshold=2)


def head(world: World) -> object:
    try:
        return world.reader().refresh(MODEL).head(MODEL)
    except NothingPromotedError:
        return None


def name_people(world: World, *names: str) -> None:
    keys = [item.public_key.keyid for item in world.promoters]
    policy = replace(world.policy, gates=Gates(principals=dict(zip(keys, names, strict=True))))
    world.channel().set_policy(policy=policy, signers=world.signers.targets, now=NOW)


def sign(world: World, *who: int, **changes: object) -> tuple[int, bool]:
    done = world.channel().sign_promotion(
        request=world.request(**changes), signers=[world.promoters[index] for index in who], now=NOW
    )
    return done.signed, done.published


def test_the_first_prepares_and_the_second_publishes(two: World) -> None:
    assert sign(two, 0) == (1, False)
    assert head(two) is None
    assert sign(two, 1, promoted_by="bob") == (2, True)
    found = two.reader().refresh(MODEL).head(MODEL)
    assert (found.sequence, found.promoted_by) == (1, "ann")


def test_one_who_promotes_alone_for_a_threshold_of_one(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    assert sign(world, 0) == (1, True)


def test_both_at_once(two: World) -> None:
    assert sign(two, 0, 1) == (2, True)
    assert sign(two, 2) == (2, True), "it is the head already"


def test_the_same_key_twice_is_refused(two: World) -> None:
    sign(two, 0)
    with pytest.raises(InputError) as refusal:
        sign(two, 0)
    assert refusal.value.rule == "input.signed"
    assert head(two) is None


def test_a_foreign_key_is_refused(two: World) -> None:
    two.promoters[0] = CryptoSigner.generate_ed25519()
    with pytest.raises(InputError) as refusal:
        sign(two, 0)
    assert refusal.value.rule == "input.signer"


def test_two_keys_of_one_person_are_one_person(two: World) -> None:
    name_people(two, "ann", "ann", "bob")
    sign(two, 0)
    with pytest.raises(TrustError) as refusal:
        sign(two, 1)
    assert refusal.value.rule == "refused.one-person"
    with pytest.raises(TrustError) as refusal:
        sign(two, 0, 1)
    assert refusal.value.rule == "refused.one-person"
    assert head(two) is None
    assert sign(two, 2) == (2, True)


def test_readers_count_people_too(two: World) -> None:
    """Past the writer's checks: metadata that one person signed with two keys is refused by every reader."""
    sign(two, 0, 1)
    name_people(two, "ann", "ann", "bob")
    with pytest.raises(TrustError) as refusal:
        two.reader().refresh(MODEL)
    assert refusal.value.rule == "refused.one-person"
    name_people(two, "ann", "cat", "bob")
    two.reader().refresh(MODEL)


def test_another_release_does_not_slip_in_between(two: World) -> None:
    sign(two, 0)
    with pytest.raises(ConflictError):
        sign(two, 1, release=Digest.of(b"another"))
    assert sign(two, 1) == (2, True)


def test_junk_beside_the_part_stops_nobody(two: World) -> None:
    store = two.store
    promotion = two.channel()._claim(two.request(), after=None, now=NOW, supersede=False)
    prefix = f"pending/parts/{MODEL}/1.{promotion.digest.hex}"
    store.write_once(f"{prefix}.1.json", b"junk")
    hostile = Metadata(Targets(version=1, expires=NOW + timedelta(days=9999)))
    hostile.sign(CryptoSigner.generate_ed25519())
    store.write_once(f"{prefix}.2.json", hostile.to_bytes())
    assert sign(two, 0) == (1, False)
    assert sign(two, 1) == (2, True)
    assert two.reader().refresh(MODEL).head(MODEL) == promotion


def test_a_part_of_another_promise_is_not_completed(two: World) -> None:
    """A promoter's part that says more than this promotion (a longer life) is left alone, and its maker signs anew."""
    promotion = two.channel()._claim(two.request(), after=None, now=NOW, supersede=False)
    hostile = Metadata(Targets(version=1, expires=NOW + timedelta(days=9999)))
    hostile.sign(two.promoters[0])
    two.store.write_once(f"pending/parts/{MODEL}/1.{promotion.digest.hex}.1.json", hostile.to_bytes())
    assert sign(two, 1) == (1, False)
    assert sign(two, 0) == (2, True)
    assert len(two.reader().refresh(MODEL).promotions(MODEL)) == 1


def test_three_people(tmp_path: Path) -> None:
    world = make_world(tmp_path, promoters=3, threshold=3)
    assert [sign(world, index) for index in (2, 0, 1)] == [(1, False), (2, False), (3, True)]
    assert head(world) is not None


def test_a_stolen_promoters_key_is_replaced_with_overlap(two: World) -> None:
    sign(two, 0, 1)
    new = CryptoSigner.generate_ed25519()
    owner = two.signers.targets
    old, kept = two.promoters[0], two.promoters[1]
    with pytest.raises(InputError, match="renew"):
        two.channel().set_promoters(name=MODEL, promoters=RoleKeys.of([new, kept], threshold=2), signers=owner, now=NOW)
    two.channel().set_promoters(
        name=MODEL, promoters=RoleKeys.of([old, kept, new], threshold=2), signers=owner, now=NOW
    )
    two.channel().renew(role=MODEL, signers=[kept, new], now=NOW)
    two.channel().set_promoters(name=MODEL, promoters=RoleKeys.of([kept, new], threshold=2), signers=owner, now=NOW)
    with pytest.raises(InputError):
        two.channel().sign_promotion(request=two.request(version="2.0.0"), signers=[old], now=NOW)
    assert two.reader().refresh(MODEL).head(MODEL).version == "1.0.0"


def test_the_owners_key_is_replaced_with_overlap(two: World) -> None:
    sign(two, 0, 1)
    new, old, roots = CryptoSigner.generate_ed25519(), two.signers.targets[0], two.signers.root
    keys = RoleKeys.of(roots, threshold=2)

    def name(*owners: CryptoSigner) -> None:
        two.channel().rotate_root(keys=keys, signers=roots, targets=RoleKeys.of(owners), now=NOW)

    with pytest.raises(InputError, match="owner's metadata"):
        name(new)
    name(old, new)  # type: ignore[arg-type]
    two.reader().refresh(MODEL)
    two.channel().renew(role="targets", signers=[new], now=NOW)
    name(new)
    two.reader().refresh(MODEL)
    with pytest.raises(InputError):
        two.channel().renew(role="targets", signers=[old], now=NOW)


def test_the_key_that_revokes_is_replaced_with_overlap(two: World) -> None:
    new, old, owner = CryptoSigner.generate_ed25519(), two.signers.revocations[0], two.signers.targets
    two.channel().revoke(releases=[Digest.of(b"x")], reason="bad", signers=[old], now=NOW)
    with pytest.raises(InputError, match="renew"):
        two.channel().set_security(keys=RoleKeys.of([new]), signers=owner, now=NOW)
    two.channel().set_security(keys=RoleKeys.of([old, new]), signers=owner, now=NOW)
    two.channel().renew(role="revocations", signers=[new], now=NOW)
    two.channel().set_security(keys=RoleKeys.of([new]), signers=owner, now=NOW)
    with pytest.raises(InputError):
        two.channel().revoke(releases=[Digest.of(b"y")], reason="no", signers=[old], now=NOW)
    assert two.reader().refresh(MODEL).is_revoked(Digest.of(b"x"))


@pytest.mark.parametrize(("names", "refused"), [(("ann", "bob"), True), (("ann", "ann"), False)])
def test_where_duties_are_kept_apart_one_of_several_people_does_not_sign_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str], refused: bool
) -> None:
    world = make_world(tmp_path, promoters=2, threshold=1)
    sign(world, 0)

    def keep_apart() -> None:
        keys = [item.public_key.keyid for item in world.promoters]
        gates = Gates(separation=True, principals=dict(zip(keys, names, strict=True)))
        world.channel().set_policy(policy=replace(world.policy, gates=gates), signers=world.signers.targets, now=NOW)

    if not refused:
        keep_apart()
        assert head(world) is not None
        return
    with pytest.raises(TrustError, match="could write another's name"):
        keep_apart()
    assert head(world) is not None, "a policy that readers would refuse is not published"
    monkeypatch.setattr(channel, "check_duties", lambda **_: None)
    keep_apart()
    with pytest.raises(TrustError, match="could write another's name") as refusal:
        head(world)
    assert refusal.value.rule == "refused.separation"


def test_a_second_promoter_is_not_added_where_one_of_them_would_sign_alone(tmp_path: Path) -> None:
    world = make_world(tmp_path, promoters=2, threshold=2)
    keys = [item.public_key.keyid for item in world.promoters]
    gates = Gates(separation=True, principals=dict(zip(keys, ("ann", "bob"), strict=True)))
    world.channel().set_policy(policy=replace(world.policy, gates=gates), signers=world.signers.targets, now=NOW)
    alone = RoleKeys(keys=tuple(item.public_key for item in world.promoters), threshold=1)
    with pytest.raises(TrustError, match="could write another's name") as refusal:
        world.channel().set_promoters(name=MODEL, promoters=alone, signers=world.signers.targets, now=NOW)
    assert refusal.value.rule == "refused.separation"
