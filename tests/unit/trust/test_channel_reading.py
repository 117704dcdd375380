"""What a reader gets from a channel, and how many requests it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from trust_world import MODEL, NOW, World

from weighbridge.errors import InputError, NothingPromotedError, TrustError
from weighbridge.names import Digest, ReleaseId
from weighbridge.trust import Floor


def test_head_is_the_promotion_that_was_published(world: World) -> None:
    published = world.promote()
    state = world.reader().refresh(MODEL)
    assert state.head(MODEL) == published
    assert published.sequence == 1
    assert published.channel == state.channel == "dev"
    assert state.policy == world.policy
    assert not state.kept
    assert str(state.versions) == "root=1,timestamp=2,snapshot=2,targets=1,minilm=1,revocations=1"
    assert state.expires == NOW + timedelta(days=7)


def test_fresh_reader_with_shipped_root_makes_six_requests(world: World) -> None:
    world.promote()
    root_bytes = world.store.fetch("1.root.json", 10**6)
    world.reader(root_bytes=root_bytes).refresh(MODEL)
    assert world.source.fetched == [
        "2.root.json",
        "timestamp.json",
        "2.snapshot.json",
        "1.targets.json",
        "1.minilm.json",
        "1.revocations.json",
    ]


def test_fresh_reader_with_a_pin_alone_makes_seven(world: World) -> None:
    world.promote()
    world.reader().refresh(MODEL)
    assert len(world.source.fetched) == 7
    assert world.source.fetched[0] == "1.root.json"


def test_kept_metadata_costs_two_requests_when_nothing_changed(world: World) -> None:
    world.promote()
    reader = world.reader()
    reader.refresh(MODEL)
    world.source.fetched.clear()
    reader.refresh(MODEL)
    assert world.source.fetched == ["2.root.json", "timestamp.json"]


def test_requests_do_not_grow_with_the_number_of_promotions(world: World) -> None:
    for number in range(1, 6):
        world.promote(version=f"1.0.{number}", release=Digest.of(b"%d" % number))
    state = world.reader().refresh(MODEL)
    assert [promotion.sequence for promotion in state.promotions(MODEL)] == [1, 2, 3, 4, 5]
    assert state.head(MODEL).version == "1.0.5"
    assert len(world.source.fetched) == 7


def test_nothing_promoted_yet(world: World) -> None:
    state = world.reader().refresh(MODEL)
    assert state.promotions(MODEL) == ()
    with pytest.raises(NothingPromotedError, match="weighbridge promote"):
        state.head(MODEL)


def test_unknown_model(world: World) -> None:
    with pytest.raises(NothingPromotedError, match="add-model"):
        world.reader().refresh("other")


@pytest.mark.parametrize("name", ["root", "Targets", "snapshot", "timestamp", "revocations", "../x", "a/b", ""])
def test_a_role_of_every_channel_is_no_model(world: World, name: str) -> None:
    with pytest.raises(InputError):
        world.reader().refresh(name)


def test_promotion_by_id(world: World) -> None:
    first = world.promote()
    world.promote(version="2.0.0", release=Digest.of(b"release 2"))
    state = world.reader().refresh(MODEL)
    assert state.promotion(MODEL, first.release_id) == first
    for wrong in (ReleaseId(1, Digest.of(b"x")), ReleaseId(3, first.digest)):
        with pytest.raises(TrustError) as refusal:
            state.promotion(MODEL, wrong)
        assert refusal.value.rule == "refused.promotion"


def test_state_answers_for_its_own_model_alone(world: World) -> None:
    world.promote()
    with pytest.raises(InputError, match="refresh for"):
        world.reader().refresh(MODEL).head("other")


def test_revocations_are_seen(world: World) -> None:
    promotion = world.promote()
    other = Digest.of(b"other")
    world.channel().revoke(
        releases=[promotion.release, other], reason="bad weights", signers=world.signers.revocations, now=NOW
    )
    state = world.reader().refresh(MODEL)
    assert state.is_revoked(promotion.release)
    assert state.is_revoked(other)
    assert not state.is_revoked(Digest.of(b"innocent"))
    assert state.revocations[other].reason == "bad weights"


def test_later_roots_are_looked_for_until_one_has_the_pinned_digest(world: World) -> None:
    with pytest.raises(TrustError) as refusal:
        world.reader(root=Digest.of(b"another channel's root")).refresh(MODEL)
    assert refusal.value.rule == "refused.root"
    assert world.source.fetched == ["1.root.json", "2.root.json"]


def test_floor_of_the_present_is_accepted(world: World) -> None:
    world.promote()
    versions = world.reader().refresh(MODEL).versions
    assert world.reader(floor=Floor.parse(str(versions))).refresh(MODEL).versions == versions
