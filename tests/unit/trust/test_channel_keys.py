"""Keys come and go: root rotation, new online keys, new promoters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from securesystemslib.signer import CryptoSigner
from trust_world import MODEL, NOW, World

from weighbridge.errors import InputError, TrustError
from weighbridge.trust import FolderStore, OnlineSigners, RoleKeys


class DyingStore(FolderStore):
    """A store that dies when the timestamp is to be written."""

    def overwrite(self, path: str, data: bytes) -> None:
        raise OSError(path)


def new_online() -> OnlineSigners:
    return OnlineSigners(snapshot=CryptoSigner.generate_ed25519(), timestamp=CryptoSigner.generate_ecdsa())


def test_clients_follow_new_root_keys_from_the_root_they_pin(world: World) -> None:
    promotion = world.promote()
    folder = world.folder / "kept"
    world.reader(folder=folder).refresh(MODEL)
    fresh = [CryptoSigner.generate_ed25519()]
    both = [*world.signers.root, *fresh]
    assert world.channel().rotate_root(keys=RoleKeys.of(fresh), signers=both, now=NOW) == 2
    for reader in (world.reader(folder=folder), world.reader()):
        state = reader.refresh(MODEL)
        assert state.head(MODEL) == promotion
        assert state.versions.versions["root"] == 2
    world.promote(version="2.0.0")
    assert world.reader().refresh(MODEL).head(MODEL).version == "2.0.0"


def test_a_new_root_needs_the_old_threshold_and_its_own(world: World) -> None:
    fresh = [CryptoSigner.generate_ed25519()]
    for signers in ([*world.signers.root], fresh, [world.signers.root[0], *fresh]):
        with pytest.raises(TrustError) as refusal:
            world.channel().rotate_root(keys=RoleKeys.of(fresh), signers=signers, now=NOW)
        assert refusal.value.rule == "refused.root"
    assert world.reader().refresh(MODEL).versions.versions["root"] == 1


def test_root_expiry_is_renewed_with_the_same_keys(world: World) -> None:
    later = NOW + timedelta(days=360)
    keys = RoleKeys.of(world.signers.root, threshold=2)
    assert world.channel().rotate_root(keys=keys, signers=world.signers.root, now=later) == 2
    assert world.channel().rotate_root(keys=keys, signers=world.signers.root, now=later) == 3
    channel = world.channel()
    channel.renew(role="targets", signers=world.signers.targets, now=later)
    channel.renew(role="revocations", signers=world.signers.revocations, now=later)
    channel.refresh_timestamp(now=NOW + timedelta(days=400))
    assert world.reader(now=NOW + timedelta(days=400)).refresh(MODEL).versions.versions["root"] == 3


def test_new_online_keys_replace_the_old_at_once(world: World) -> None:
    promotion = world.promote()
    old = world.signers.online
    world.signers = replace(world.signers, online=new_online())
    keys = RoleKeys.of(world.signers.root, threshold=2)
    world.channel().rotate_root(keys=keys, signers=world.signers.root, now=NOW)
    assert world.reader().refresh(MODEL).head(MODEL) == promotion
    with pytest.raises(InputError, match="not one of its keys"):
        world.channel(online=old).refresh_timestamp(now=NOW)


def test_half_done_hand_over_is_completed(world: World) -> None:
    promotion = world.promote()
    world.signers = replace(world.signers, online=new_online())
    keys = RoleKeys.of(world.signers.root, threshold=2)
    with pytest.raises(OSError, match="timestamp"):
        world.channel(store=DyingStore(folder=world.folder / "tuf")).rotate_root(
            keys=keys, signers=world.signers.root, now=NOW
        )
    with pytest.raises(TrustError):
        world.reader().refresh(MODEL)
    assert world.channel().rotate_root(keys=keys, signers=world.signers.root, now=NOW) == 2
    assert world.reader().refresh(MODEL).head(MODEL) == promotion


def test_promoters_are_replaced_in_three_steps(world: World) -> None:
    world.promote()
    fresh = CryptoSigner.generate_ecdsa()
    channel, owner = world.channel(), world.signers.targets
    with pytest.raises(InputError, match="renew it"):
        channel.set_promoters(name=MODEL, promoters=RoleKeys.of([fresh]), signers=owner, now=NOW)
    both = RoleKeys.of([*world.promoters, fresh])
    channel.set_promoters(name=MODEL, promoters=both, signers=owner, now=NOW)
    channel.renew(role=MODEL, signers=[fresh], now=NOW)
    channel.set_promoters(name=MODEL, promoters=RoleKeys.of([fresh]), signers=owner, now=NOW)
    assert world.reader().refresh(MODEL).head(MODEL).sequence == 1
    with pytest.raises(InputError, match="not one of its keys"):
        world.promote(version="2.0.0")
    channel.publish_promotion(request=world.request(version="2.0.0"), signers=[fresh], now=NOW)
    assert world.reader().refresh(MODEL).head(MODEL).version == "2.0.0"


@pytest.mark.parametrize("name", ["other", "revocations", "targets"])
def test_promoters_of_models_alone_are_replaced(world: World, name: str) -> None:
    with pytest.raises(InputError):
        world.channel().set_promoters(
            name=name, promoters=RoleKeys.of(world.promoters), signers=world.signers.targets, now=NOW
        )
