"""When a promotion was made is its promoter's word: backdated or postdated, by whom the promoting command does not bind, it is refused."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.unit.promotion.policy_roles import Roles, in_dev, resolve
from tests.unit.promotion.promotion_world import MODEL, NOW, PromotionWorld
from weighbridge.canonical import JsonObject
from weighbridge.errors import TrustError
from weighbridge.promotion.candidate import Candidate
from weighbridge.trust import APPROVAL_TYPE, Approvals, Channel
from weighbridge.trust.inspected import INSPECTION_TYPE
from weighbridge.trust.moments import CLOCK_SKEW

DAY = timedelta(days=1)


@pytest.fixture
def roles(world: PromotionWorld) -> Roles:
    return Roles(world)


@pytest.fixture
def unbound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promoters with a program of their own, which asks neither gates nor clock."""
    monkeypatch.setattr(Candidate, "judge", lambda *_, **__: ())
    monkeypatch.setattr(Channel, "_moment", lambda *_, now: now)


def refusal_of(world: PromotionWorld) -> str | None:
    try:
        resolve(world)
    except TrustError as error:
        return error.rule
    return None


@pytest.mark.usefixtures("unbound")
@pytest.mark.parametrize(
    ("at", "rule"), [(NOW + DAY, "refused.time"), (NOW + 2 * DAY, None)], ids=["backdated", "control"]
)
def test_no_promotion_was_made_before_the_one_that_it_follows(
    world: PromotionWorld, at: datetime, rule: str | None
) -> None:
    for version in ("1.0.0", "2.0.0"):
        in_dev(world, version)
    world.promote("1.0.0", to="prod", now=NOW + 2 * DAY)
    world.promote("2.0.0", to="prod", now=at)
    assert refusal_of(world) == rule


@pytest.mark.usefixtures("unbound")
def test_an_expired_approval_is_not_brought_back_by_an_earlier_date(world: PromotionWorld, roles: Roles) -> None:
    done = in_dev(world, "1.0.0")
    in_dev(world, "2.0.0")
    roles.demand(required={APPROVAL_TYPE: "approver"}, approvals=Approvals(count=1, days=7))
    roles.approve(done, "bob", days=1)
    world.promote("2.0.0", to="prod", now=NOW + 2 * DAY)
    world.promote("1.0.0", to="prod", now=NOW + 3 * DAY)
    assert refusal_of(world) == "refused.approvals"
    roles.approve(in_dev(world, "3.0.0"), "bob", days=1)
    world.promote("3.0.0", to="prod", now=NOW)
    assert refusal_of(world) == "refused.time"


@pytest.mark.usefixtures("unbound")
@pytest.mark.parametrize(
    "ahead", [timedelta(minutes=4), timedelta(hours=1)], ids=["a clock a little ahead", "postdated"]
)
def test_no_promotion_is_of_the_future(world: PromotionWorld, roles: Roles, ahead: timedelta) -> None:
    in_dev(world)
    roles.demand(soak_hours=1)
    world.promote("1.0.0", to="prod", now=NOW + timedelta(hours=1) + ahead)
    world.clock = NOW + timedelta(hours=1)
    assert refusal_of(world) == (None if ahead < CLOCK_SKEW else "refused.time")
    world.clock = NOW + timedelta(hours=1) + ahead
    assert refusal_of(world) is None


def stated(world: PromotionWorld, roles: Roles, what: str, *, at: datetime) -> None:
    """Something is stated about 1.0.0, which lies in dev, at a moment."""
    done = in_dev(world)
    if what == "approval":
        roles.demand(required={APPROVAL_TYPE: "approver"})
        roles.approve(done, "bob", at=at)
        return
    roles.demand(required={INSPECTION_TYPE: "inspector"})
    said: JsonObject = {"verdict": "clean", "inspected_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "files": []}
    roles.say(done, INSPECTION_TYPE, said, roles.inspector, role="inspector")


@pytest.mark.usefixtures("unbound")
@pytest.mark.parametrize("what", ["approval", "inspection"])
@pytest.mark.parametrize("lag", [timedelta(minutes=4), timedelta(minutes=6)], ids=["clocks differ", "backdated"])
def test_no_promotion_was_made_before_what_is_stated_in_it(
    world: PromotionWorld, roles: Roles, what: str, lag: timedelta
) -> None:
    stated(world, roles, what, at=NOW + DAY)
    world.promote("1.0.0", to="prod", now=NOW + DAY - lag)
    world.clock = NOW + DAY
    assert refusal_of(world) == (None if lag < CLOCK_SKEW else "refused.time")


@pytest.mark.usefixtures("unbound")
@pytest.mark.parametrize(("at", "rule"), [(NOW, "refused.time"), (NOW + DAY, None)], ids=["backdated", "control"])
def test_no_promotion_was_made_before_its_promotion_in_the_channel_before(
    world: PromotionWorld, roles: Roles, at: datetime, rule: str | None
) -> None:
    world.register("1.0.0")
    world.promote("1.0.0", to="dev", by="dora", now=NOW + DAY)
    key = world.channels["prod"].promoters[0].public_key.keyid
    roles.demand(separation=True, principals={key: "ann"})
    world.promote("1.0.0", to="prod", now=at)
    assert refusal_of(world) == rule


def test_the_promoting_command_refuses_what_readers_would(world: PromotionWorld, roles: Roles) -> None:
    stated(world, roles, "inspection", at=NOW + DAY)
    with pytest.raises(TrustError) as refusal:
        world.promote("1.0.0", to="prod", now=NOW)
    assert (refusal.value.rule, world.state("prod").promotions(MODEL)) == ("refused.time", ())


def test_clocks_that_differ_a_little_keep_their_order(world: PromotionWorld) -> None:
    for version in ("1.0.0", "2.0.0"):
        in_dev(world, version)
    first = world.promote("1.0.0", to="prod", now=NOW + timedelta(minutes=2))
    second = world.promote("2.0.0", to="prod", now=NOW)
    assert second.promotion.promoted_at == first.promotion.promoted_at
    assert refusal_of(world) is None


def test_a_promotion_of_the_far_future_blocks_nobody_once_it_is_revoked(
    world: PromotionWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0.0", "2.0.0"):
        in_dev(world, version)
    with monkeypatch.context() as thief:
        thief.setattr(Channel, "_moment", lambda *_, now: now)
        stolen = world.promote("1.0.0", to="prod", now=NOW + 1000 * DAY).release
    world.clock = NOW
    assert refusal_of(world) == "refused.time"
    with pytest.raises(TrustError, match="revoke") as refusal:
        world.promote("2.0.0", to="prod")
    assert refusal.value.rule == "refused.time"
    owners = world.channels["prod"].signers
    world.channel("prod").revoke(releases=[stolen.digest], reason="stolen key", signers=owners.revocations, now=NOW)
    assert world.promote("2.0.0", to="prod").promotion.promoted_at == NOW
    assert refusal_of(world) is None
