"""What runs where, from events; and the graph built anew from what is signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from lineage_world import NOW, accepted, chain, channel_records, promotion, release

from tests.unit.promotion.promotion_world import MODEL, PromotionWorld, make_promotion_world
from weighbridge.errors import TrustError
from weighbridge.ledger.events import Event, tell
from weighbridge.lineage import Suspect, collect, impact, models_of, places_of, plan_revocations
from weighbridge.names import Digest

ONE = promotion(release("minilm"), channel="prod")
TWO = promotion(release("minilm", version="2.0.0"), channel="prod", sequence=2)


def event(kind: str, **fields: object) -> Event:
    known = {"environment": "prod", "channel": "prod", "model": "minilm", "at": NOW, "actor": "x", "id": kind}
    return Event(kind=kind, **(known | fields))  # type: ignore[arg-type]


def test_the_newest_accepted_release_runs_and_the_one_before_ran() -> None:
    places = places_of(chain(accepted("prod", ONE), accepted("prod", TWO, at=NOW + timedelta(hours=1)))).of_model(
        "minilm"
    )
    assert [(item.version, item.running) for item in places] == [("1.0.0", False), ("2.0.0", True)]
    assert places[0].endpoint == "weighbridge-prod-minilm"


def test_a_rollout_that_was_taken_back_does_not_run() -> None:
    back = event("set-back", release_id=TWO.release_id)
    places = places_of(chain(accepted("prod", ONE), accepted("prod", TWO, at=NOW + timedelta(hours=1)), back))
    assert [item.version for item in places.all if item.running] == ["1.0.0"]


def test_environments_and_models_run_their_own() -> None:
    other = promotion(release("other"), channel="prod")
    places = places_of(chain(accepted("prod", TWO), accepted("west", ONE), accepted("prod", other)))
    assert [(item.environment, item.model, item.version) for item in places.all if item.running] == [
        ("prod", "minilm", "2.0.0"),
        ("west", "minilm", "1.0.0"),
        ("prod", "other", "1.0.0"),
    ]
    assert [item.environment for item in places.of_model("minilm", "1.0.0")] == ["west"]


def test_who_promoted_approved_loaded_and_revoked_is_told() -> None:
    subject = {"version": ONE.version, "release": ONE.release, "release_id": ONE.release_id}
    [place] = places_of(
        chain(
            event("approved", id="a1", actor="bob", **subject),
            event("approved", id="a2", actor="carol", **subject),
            tell.promoted(promotion=ONE, environment="prod"),
            accepted("prod", ONE),
            event("loaded", at=NOW + timedelta(minutes=3), release=ONE.release, release_id=ONE.release_id),
            event("revoked", model=None, release=ONE.release, details={"reason": "poisoned"}),
        )
    ).all
    assert (place.promoted_by, place.approved_by) == ("ann", ("bob", "carol"))
    assert place.loaded_at == NOW + timedelta(minutes=3)
    assert place.revoked == "poisoned"


@pytest.fixture(scope="module")
def two_channels(tmp_path_factory: pytest.TempPathFactory) -> PromotionWorld:
    """1.0.0 in dev and prod, 2.0.0 in dev, 3.0.0 registered alone."""
    world = make_promotion_world(tmp_path_factory.mktemp("lineage"))
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        world.register(version)
    for version, channel in (("1.0.0", "dev"), ("2.0.0", "dev"), ("1.0.0", "prod")):
        world.promote(version, to=channel)
    return world


def test_the_graph_is_built_from_signed_records_and_the_ledger(two_channels: PromotionWorld) -> None:
    channels = [channel_records(two_channels, name) for name in ("dev", "prod")]
    assert models_of(channels[0]) == (MODEL,)
    assert {item.version for item in collect(channels=channels).releases.values()} == {"1.0.0", "2.0.0"}
    third = two_channels.register("3.0.0").release
    told = tell.registered(release=third, channel="dev", environment="dev", actor="registrar", at=NOW)
    found = collect(channels=channels, entries=chain(told))
    assert found.failures == ()
    assert len(impact(found, Suspect(base_model="org/base")).touched) == 3
    assert [(item.channel, item.version) for item in found.promotions] == [
        ("dev", "1.0.0"),
        ("dev", "2.0.0"),
        ("prod", "1.0.0"),
    ]


def test_a_channel_that_does_not_verify_is_a_failure_and_hides_no_other(two_channels: PromotionWorld) -> None:
    dev, prod = (channel_records(two_channels, name) for name in ("dev", "prod"))
    found = collect(channels=[replace(dev, root=Digest("0" * 64)), prod])
    assert [item.version for item in found.releases.values()] == ["1.0.0"]
    assert found.failures[0].startswith("channel dev: ")


def test_an_entry_that_names_a_release_of_other_bytes_is_a_failure(two_channels: PromotionWorld) -> None:
    release_of = two_channels.register("3.0.0").release
    told = tell.registered(release=release_of, channel="dev", environment="dev", actor="x", at=NOW)
    forged = replace(told, release=Digest.of(b"no such release"))
    found = collect(channels=[channel_records(two_channels, "dev")], entries=chain(forged))
    assert "no such release" not in str(found.failures)
    assert str(Digest.of(b"no such release")) in found.failures[0]


def test_every_channel_gets_the_same_complete_list(tmp_path: Path) -> None:
    world = make_promotion_world(tmp_path)
    old, new = Digest.of(b"old"), Digest.of(b"new")
    security = world.channels["dev"].signers.revocations
    world.channel("dev").revoke(releases=[old], reason="old reason", signers=security, now=NOW)
    channels = [channel_records(world, name) for name in ("dev", "prod")]
    plan = plan_revocations(channels=channels, releases=[new], reason="poisoned")
    assert [step.channel for step in plan.steps] == ["dev", "prod"]
    dev, prod = plan.steps
    assert dev.adds == {new: "poisoned"}
    assert prod.adds == {old: "old reason", new: "poisoned"}
    assert dev.all == prod.all


def test_nothing_is_planned_when_one_channel_cannot_be_read(two_channels: PromotionWorld) -> None:
    dev, prod = (channel_records(two_channels, name) for name in ("dev", "prod"))
    with pytest.raises(TrustError):
        plan_revocations(channels=[dev, replace(prod, root=Digest("0" * 64))], releases=[], reason="x")
