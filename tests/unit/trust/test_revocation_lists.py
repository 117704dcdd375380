"""The list of revocations: refused when it is expired, older than seen, or withheld; an outage within its expiry changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from trust_world import MODEL, NOW, World, make_world

from weighbridge.errors import (
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
    RegistryUnavailableError,
    TrustError,
    WeighbridgeError,
)
from weighbridge.names import Digest
from weighbridge.trust import Expiries, FolderStore, Promotion

BAD = Digest.of(b"release 1")


@pytest.fixture
def revoked(tmp_path: Path) -> tuple[World, Promotion]:
    """A channel whose one promoted release is revoked."""
    world = make_world(tmp_path)
    promotion = world.promote()
    world.channel().revoke(releases=[BAD], reason="poisoned", signers=world.signers.revocations, now=NOW)
    return world, promotion


def newest_list(world: World) -> Path:
    return max((world.folder / "tuf").glob("*.revocations.json"), key=lambda path: int(path.name.partition(".")[0]))


def older(world: World) -> None:
    first = world.folder / "tuf" / "1.revocations.json"
    newest_list(world).write_bytes(first.read_bytes())


def removed(world: World) -> None:
    newest_list(world).unlink()


def forbidden(world: World) -> None:
    world.source.failures[newest_list(world).name] = RegistryForbiddenError("403", status=403)


def not_found(world: World) -> None:
    world.source.failures[newest_list(world).name] = RegistryNotFoundError("404", status=404)


def altered(world: World) -> None:
    path = newest_list(world)
    path.write_bytes(path.read_bytes().replace(BAD.hex.encode(), b"0" * 64))


@pytest.mark.parametrize("attack", [older, removed, forbidden, not_found, altered], ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
def test_who_withholds_or_changes_the_list_alone_is_refused(
    revoked: tuple[World, Promotion], attack: Callable[[World], None], used: bool
) -> None:
    world, _ = revoked
    folder = world.folder / "reader"
    if used:
        # Reads the list before the revocation, so that the attack meets who has an older one.
        shutil.copytree(world.folder / "tuf", world.folder / "copy")
        world.reader(folder=folder).refresh(MODEL)
        world.channel().revoke(releases=[Digest.of(b"x")], reason="x", signers=world.signers.revocations, now=NOW)
    attack(world)
    with pytest.raises((TrustError, RegistryError)):
        world.reader(folder=folder).refresh(MODEL)


def test_a_list_past_its_expiry_is_refused_though_all_else_is_fresh(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.promote()
    short = Expiries(revocations=timedelta(days=2))
    world.channel(expiries=short).revoke(releases=[BAD], reason="poisoned", signers=world.signers.revocations, now=NOW)
    world.reader(now=NOW + timedelta(days=2, seconds=-1)).refresh(MODEL)
    with pytest.raises(TrustError, match="revocations") as refused:
        world.reader(now=NOW + timedelta(days=2)).refresh(MODEL)
    assert refused.value.rule == "refused.expired"


def test_a_mirror_with_an_older_list_is_below_the_floor(revoked: tuple[World, Promotion]) -> None:
    world, _ = revoked
    mirror = world.folder / "mirror"
    shutil.copytree(world.folder / "tuf", mirror)
    world.channel().revoke(releases=[Digest.of(b"x")], reason="x", signers=world.signers.revocations, now=NOW)
    floor = world.reader().refresh(MODEL).versions
    with pytest.raises(TrustError, match="revocations") as refused:
        world.reader(source=FolderStore(folder=mirror), floor=floor).refresh(MODEL)
    assert refused.value.rule == "refused.rollback"


def test_a_mirror_with_the_newest_list_is_as_good_as_the_registry(revoked: tuple[World, Promotion]) -> None:
    world, _ = revoked
    mirror = world.folder / "mirror"
    shutil.copytree(world.folder / "tuf", mirror)
    floor = world.reader().refresh(MODEL).versions
    state = world.reader(source=FolderStore(folder=mirror), floor=floor).refresh(MODEL)
    assert state.revocations[BAD].reason == "poisoned"


def test_within_its_expiry_an_outage_changes_nothing(revoked: tuple[World, Promotion]) -> None:
    world, promotion = revoked
    folder = world.folder / "reader"
    before = world.reader(folder=folder).refresh(MODEL)
    for path in (world.folder / "tuf").glob("*.json"):
        world.source.failures[path.name] = RegistryUnavailableError("no answer")
    kept = world.reader(folder=folder, now=NOW + timedelta(days=7, seconds=-1)).read_kept(MODEL)
    assert kept.revocations == before.revocations
    assert kept.is_revoked(promotion.release)
    with pytest.raises(WeighbridgeError) as refused:
        world.reader(folder=folder, now=NOW + timedelta(days=7)).read_kept(MODEL)
    assert refused.value.rule == "refused.expired"
