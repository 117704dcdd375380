"""Whoever held the online keys ran the versions ahead: a new root with new online keys ends it, for every reader."""

from __future__ import annotations

from dataclasses import replace

import pytest
from securesystemslib.signer import CryptoSigner

from tests.attacks.forging import stamp
from tests.attacks.tour_gates import Gatekeeper
from tests.attacks.tour_world import NEW, NOW
from weighbridge.errors import TrustError
from weighbridge.names import Digest
from weighbridge.trust import OnlineSigners, RoleKeys

AHEAD = 10**6


def run_ahead(keeper: Gatekeeper) -> None:
    """Let a timestamp that nobody can follow be shown, and let the deploying account see it."""
    tour = keeper.tour
    repository, path = tour.metadata("prod", "snapshot")
    version = int(path.removeprefix("tuf/").partition(".")[0])
    stamp(tour, "prod", tour.registry.files[repository, path], version, ahead=AHEAD)
    tour.ask_for(tour.state("prod").promotions("minilm")[0])
    keeper.resolve()


def rotate(keeper: Gatekeeper) -> None:
    """Publish a root with new online keys, and promote NEW with them."""
    tour = keeper.tour
    owners, online = tour.channels["prod"], CryptoSigner.generate_ed25519()
    signers = replace(owners.signers, online=OnlineSigners(snapshot=online, timestamp=online))
    tour.channels = {**tour.channels, "prod": replace(owners, signers=signers)}
    tour.channel("prod").rotate_root(keys=RoleKeys.of(owners.signers.root), signers=owners.signers.root, now=NOW)
    tour.ask_for(tour.promote(NEW).promotion)


def test_until_then_nothing_older_is_believed(keeper: Gatekeeper) -> None:
    files = keeper.tour.registry.files
    before = files["prod-records", "tuf/timestamp.json"]
    keeper.memory = keeper.tour.folder / "account"
    run_ahead(keeper)
    keeper.tour.ask_for(keeper.tour.force("prod"))
    files["prod-records", "tuf/timestamp.json"] = before
    keeper.refuses("resolve", "refused.rollback")


def test_a_fresh_account_and_a_used_one_go_on_after_the_rotation(keeper: Gatekeeper) -> None:
    run_ahead(keeper)
    rotate(keeper)
    fresh = replace(keeper, memory=keeper.tour.folder / "fresh")
    fresh.passes("resolve")
    keeper.passes("resolve")


def test_the_stolen_online_key_is_worth_nothing_after_the_rotation(keeper: Gatekeeper) -> None:
    stolen = keeper.tour.channels["prod"]
    rotate(keeper)
    channels = keeper.tour.channels
    repository, path = keeper.tour.metadata("prod", "snapshot")
    version = int(path.removeprefix("tuf/").partition(".")[0])
    keeper.tour.channels = {**channels, "prod": stolen}
    stamp(keeper.tour, "prod", keeper.tour.registry.files[repository, path], version)
    keeper.tour.channels = channels
    with pytest.raises(TrustError) as refusal:
        keeper.tour.state("prod")
    assert refusal.value.rule == "refused.signature"


def test_who_alone_saw_the_versions_ahead_goes_on_when_the_pin_is_moved(keeper: Gatekeeper) -> None:
    """The registry was put back before the rotation, so that honest versions stay below what this account accepted."""
    tour, files = keeper.tour, keeper.tour.registry.files
    before = files["prod-records", "tuf/timestamp.json"]
    run_ahead(keeper)
    files["prod-records", "tuf/timestamp.json"] = before
    rotate(keeper)
    keeper.refuses("resolve", "refused.rollback")
    root = Digest.of(files["prod-records", "tuf/2.root.json"])
    tour.channels = {**tour.channels, "prod": replace(tour.channels["prod"], root=root)}
    keeper.passes("resolve")
