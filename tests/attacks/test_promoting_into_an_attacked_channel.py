"""Promotion reads the channel that it writes, too: attacked there alone, it is refused, and the head stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.attacks.attacks_on_bytes import PATH
from tests.attacks.forging import forge
from tests.attacks.tour_gates import Gatekeeper
from tests.attacks.tour_world import MODEL, NEW, NOW, OLD, WEIGHTS, tensors

Attack = Callable[[Gatekeeper, bool], None]


def revoke(keeper: Gatekeeper, hostile: bool) -> None:
    tour = keeper.tour
    tour.channel("prod").revoke(
        releases=[tour.releases[NEW if hostile else OLD].digest], reason="poisoned",
        signers=tour.channels["prod"].signers.revocations, now=NOW,
    )  # fmt: skip


def hide_revocations(keeper: Gatekeeper, hostile: bool) -> None:
    tour = keeper.tour
    if hostile:
        del tour.registry.files[tour.metadata("prod", "revocations")]


def withhold_revocations(keeper: Gatekeeper, hostile: bool) -> None:
    tour = keeper.tour
    if hostile:
        tour.registry.answers[tour.metadata("prod", "revocations")] = 403


def freeze(keeper: Gatekeeper, hostile: bool) -> None:
    tour = keeper.tour
    tour.now = NOW + timedelta(days=7) - timedelta(seconds=1)
    if not hostile:
        tour.channel("prod").refresh_timestamp(now=tour.now)
    tour.channel("dev").refresh_timestamp(now=tour.now)
    approvals = (tour.approval(tour.releases[NEW], who, at=tour.now) for who in ("bob", "cat"))
    tour.lay("prod", "approver", *approvals)
    tour.now += timedelta(seconds=1)


def forge_head(keeper: Gatekeeper, hostile: bool) -> None:
    owners = keeper.tour.channels["prod"]
    forge(
        keeper.tour, "prod", MODEL, signers=owners.signers.revocations if hostile else owners.promoters[:1]
    )  # fmt: skip


def lay_other_weights(keeper: Gatekeeper, hostile: bool) -> None:
    """Other bytes wait where the release's would be copied to."""
    keeper.tour.registry.files["prod-models", f"{PATH}/{WEIGHTS}"] = tensors("6.6.6" if hostile else NEW)


def swap_on_copy(keeper: Gatekeeper, hostile: bool) -> None:
    """The source is verified, and what the registry copies is something else."""
    if hostile:
        keeper.tour.registry.copied["dev-models", f"{PATH}/{WEIGHTS}"] = tensors("6.6.6")


@pytest.mark.parametrize("hostile", [True, False], ids=["attack", "control"])
@pytest.mark.parametrize(
    ("attack", "rule"),
    [
        (revoke, "refused.revoked"),
        (hide_revocations, "registry.not-found"),
        (withhold_revocations, "registry.forbidden"),
        (freeze, "refused.expired"),
        (forge_head, "refused.signature"),
        (lay_other_weights, "registry.conflict"),
        (swap_on_copy, "refused.integrity"),
    ],
)
def test_into_prod(keeper: Gatekeeper, attack: Attack, rule: str, hostile: bool) -> None:
    attack(keeper, hostile)
    if hostile:
        keeper.refuses("promote", rule)
    else:
        keeper.passes("promote")
