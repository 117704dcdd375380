"""Owners: races, crashes, thresholds, freshness."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from trust_world import MODEL, NOW, World, make_world

from weighbridge.errors import ConflictError, InputError, TrustError
from weighbridge.names import Digest
from weighbridge.trust import FolderStore, Policy, RoleKeys, init_channel


class CrashError(Exception):
    """The process died here."""


class CrashingStore:
    """A store that dies before the write whose path ends in `suffix`."""

    def __init__(self, store: FolderStore, suffix: str) -> None:
        self._store = store
        self._suffix = suffix

    def fetch(self, path: str, limit: int) -> bytes:
        return self._store.fetch(path, limit)

    def write_once(self, path: str, data: bytes) -> None:
        self._check(path)
        self._store.write_once(path, data)

    def overwrite(self, path: str, data: bytes) -> None:
        self._check(path)
        self._store.overwrite(path, data)

    def _check(self, path: str) -> None:
        if path.endswith(self._suffix):
            raise CrashError(path)


class RacingLedger:
    """A ledger before whose next claim somebody else acts."""

    def __init__(self, world: World, scope: str, other: dict[str, object]) -> None:
        self._world = world
        self._scope = scope
        self._other: dict[str, object] | None = other

    def claim(self, *, scope: str, sequence: int, digest: Digest) -> None:
        if scope == self._scope and self._other is not None:
            other, self._other = self._other, None
            self._world.promote(**other)  # type: ignore[arg-type]
        self._world.ledger.claim(scope=scope, sequence=sequence, digest=digest)

    def claimed(self, *, scope: str, sequence: int) -> Digest | None:
        return self._world.ledger.claimed(scope=scope, sequence=sequence)


OTHER = {"version": "2.0.0", "release": Digest.of(b"release 2")}


def test_repeating_a_promotion_changes_nothing(world: World) -> None:
    first = world.promote()
    timestamp = world.store.fetch("timestamp.json", 10**6)
    assert world.promote(now=NOW + timedelta(hours=1)) == first
    assert world.store.fetch("timestamp.json", 10**6) == timestamp


def test_going_back_is_a_new_promotion(world: World) -> None:
    first = world.promote()
    world.promote(**OTHER)  # type: ignore[arg-type]
    back = world.promote(reason="rollback")
    assert (back.sequence, back.release) == (3, first.release)
    assert world.reader().refresh(MODEL).head(MODEL) == back


def test_second_claimer_of_a_number_gets_a_conflict_and_the_next_one_on_retry(world: World) -> None:
    channel = world.channel(ledger=RacingLedger(world, "dev/minilm", OTHER))
    with pytest.raises(ConflictError, match="retry"):
        channel.publish_promotion(request=world.request(), signers=world.promoters, now=NOW)
    assert channel.publish_promotion(request=world.request(), signers=world.promoters, now=NOW).sequence == 2
    assert [found.version for found in world.reader().refresh(MODEL).promotions(MODEL)] == ["2.0.0", "1.0.0"]


def test_a_claimed_number_holds_off_other_requests_until_it_is_published(world: World) -> None:
    channel = world.channel(ledger=RacingLedger(world, "dev#minilm", OTHER))
    with pytest.raises(ConflictError, match=r"claimed for 1\.0\.0 by ann"):
        channel.publish_promotion(request=world.request(), signers=world.promoters, now=NOW)
    assert world.reader().refresh(MODEL).promotions(MODEL) == ()


def test_a_signed_promotion_survives_a_race_for_the_snapshot(world: World) -> None:
    channel = world.channel(ledger=RacingLedger(world, "dev#snapshot", OTHER))
    promotion = channel.publish_promotion(request=world.request(), signers=world.promoters, now=NOW)
    assert promotion.sequence == 1
    assert [found.version for found in world.reader().refresh(MODEL).promotions(MODEL)] == ["1.0.0", "2.0.0"]


def test_publishers_of_two_models_do_not_lose_each_others_work(world: World) -> None:
    other = CryptoSigner.generate_ecdsa()
    world.channel().add_model(name="other", promoters=RoleKeys.of([other]), signers=world.signers.targets, now=NOW)
    channel = world.channel(ledger=RacingLedger(world, "dev#snapshot", {}))
    channel.publish_promotion(request=world.request(name="other"), signers=[other], now=NOW)
    assert world.reader().refresh("other").head("other").sequence == 1
    assert world.reader().refresh(MODEL).head(MODEL).sequence == 1


def test_a_late_publisher_does_not_put_the_timestamp_back(world: World) -> None:
    class LateStore(CrashingStore):
        def write_once(self, path: str, data: bytes) -> None:
            self._store.write_once(path, data)
            if path.endswith(".snapshot.json"):
                world.promote(**OTHER)  # type: ignore[arg-type]

    world.channel(store=LateStore(world.store, "never")).publish_promotion(
        request=world.request(), signers=world.promoters, now=NOW
    )
    assert world.reader().refresh(MODEL).head(MODEL).version == "2.0.0"


@pytest.mark.parametrize(
    "suffix", ["1.json", ".minilm.json", ".snapshot.json", "timestamp.json"], ids=["target", "role", "snapshot", "end"]
)
def test_half_done_promotion_is_completed_and_not_doubled(world: World, suffix: str) -> None:
    with pytest.raises(CrashError):
        world.channel(store=CrashingStore(world.store, suffix)).publish_promotion(
            request=world.request(), signers=world.promoters, now=NOW
        )
    assert world.reader().refresh(MODEL).promotions(MODEL) == ()
    promotion = world.promote(now=NOW + timedelta(hours=1))
    assert promotion.sequence == 1
    assert world.reader().refresh(MODEL).promotions(MODEL) == (promotion,)


@pytest.mark.parametrize("suffix", [".minilm.json", ".snapshot.json", "timestamp.json"])
def test_what_was_signed_before_a_crash_is_published_with_the_next_promotion(world: World, suffix: str) -> None:
    with pytest.raises(CrashError):
        world.channel(store=CrashingStore(world.store, suffix)).publish_promotion(
            request=world.request(), signers=world.promoters, now=NOW
        )
    later = world.promote(**OTHER)  # type: ignore[arg-type]
    assert later.sequence == 2
    assert [found.version for found in world.reader().refresh(MODEL).promotions(MODEL)] == ["1.0.0", "2.0.0"]


def test_a_number_claimed_and_never_signed_is_left_out_on_request_alone(world: World) -> None:
    abandoned = world.request().promotion(channel="dev", sequence=1, promoted_at=NOW)
    world.store.write_once(f"targets/promotions/minilm/{abandoned.digest.hex}.1.json", abandoned.to_bytes())
    world.ledger.claim(scope="dev/minilm", sequence=1, digest=abandoned.digest)
    request = world.request(**OTHER)
    with pytest.raises(ConflictError, match=r"1\.0\.0 by ann"):
        world.channel().publish_promotion(request=request, signers=world.promoters, now=NOW)
    world.channel().publish_promotion(request=request, signers=world.promoters, now=NOW, supersede=True)
    state = world.reader().refresh(MODEL)
    assert [promotion.sequence for promotion in state.promotions(MODEL)] == [2]
    assert state.head(MODEL).version == "2.0.0"


def test_a_claim_whose_bytes_are_lost_does_not_block_the_channel(world: World) -> None:
    world.ledger.claim(scope="dev#snapshot", sequence=2, digest=Digest.of(b"lost"))
    world.ledger.claim(scope="dev#minilm", sequence=1, digest=Digest.of(b"lost"))
    promotion = world.promote()
    state = world.reader().refresh(MODEL)
    assert state.head(MODEL) == promotion
    assert (state.versions.versions["snapshot"], state.versions.versions["minilm"]) == (3, 2)


def test_threshold_of_promoters(tmp_path: Path) -> None:
    world = make_world(tmp_path, promoters=3, threshold=2)
    channel, request = world.channel(), world.request()
    for too_few in ([], world.promoters[:1], [world.promoters[0], world.promoters[0]]):
        with pytest.raises(InputError, match="of the 2 distinct keys"):
            channel.publish_promotion(request=request, signers=too_few, now=NOW)
    channel.publish_promotion(request=request, signers=world.promoters[1:], now=NOW)
    assert world.reader().refresh(MODEL).head(MODEL).sequence == 1


def test_a_stranger_cannot_promote_and_leaves_nothing_readable(world: World) -> None:
    with pytest.raises(InputError, match="not one of its keys"):
        world.channel().publish_promotion(request=world.request(), signers=[CryptoSigner.generate_ed25519()], now=NOW)
    assert world.reader().refresh(MODEL).promotions(MODEL) == ()


def test_owner_refuses_to_build_on_what_does_not_verify(world: World) -> None:
    world.promote()
    data = world.store.fetch("1.minilm.json", 10**6)
    world.store.overwrite("1.minilm.json", data.replace(b"1.0.0", b"6.6.6"))
    with pytest.raises(TrustError):
        world.promote(**OTHER)  # type: ignore[arg-type]


def test_owner_refuses_another_channels_root(world: World) -> None:
    with pytest.raises(TrustError) as refusal:
        world.channel(root=Digest.of(b"other")).refresh_timestamp(now=NOW)
    assert refusal.value.rule == "refused.root"


def test_a_channel_is_not_written_under_another_name(world: World) -> None:
    with pytest.raises(InputError, match="records of 'dev'"):
        world.channel(channel="prod").publish_promotion(request=world.request(), signers=world.promoters, now=NOW)


def test_refresh_brings_an_expired_channel_back(world: World) -> None:
    promotion = world.promote()
    later = NOW + timedelta(days=30)
    with pytest.raises(TrustError):
        world.reader(now=later).refresh(MODEL)
    world.channel().refresh_timestamp(now=later)
    state = world.reader(now=later).refresh(MODEL)
    assert state.head(MODEL) == promotion
    assert state.expires == later + timedelta(days=7)


def test_renew_extends_a_role(world: World) -> None:
    world.promote()
    later = NOW + timedelta(days=100)
    world.channel().renew(role=MODEL, signers=world.promoters, now=later)
    assert world.reader(now=later).refresh(MODEL).versions.versions[MODEL] == 2


def test_policy_is_replaced(world: World) -> None:
    policy = Policy(channel="dev", keys={}, roles={}, required_statements={}, base_owners=("acme",))
    for _ in range(2):
        world.channel().set_policy(policy=policy, signers=world.signers.targets, now=NOW)
    state = world.reader().refresh(MODEL)
    assert state.policy == policy
    assert state.versions.versions["targets"] == 2
    with pytest.raises(InputError, match="'prod'"):
        world.channel().set_policy(
            policy=Policy(channel="prod", keys={}, roles={}, required_statements={}),
            signers=world.signers.targets,
            now=NOW,
        )


def test_model_is_added_once_and_then_promoted(world: World) -> None:
    promoter = CryptoSigner.generate_ecdsa()
    keys = RoleKeys.of([promoter])
    for _ in range(2):
        world.channel().add_model(name="other", promoters=keys, signers=world.signers.targets, now=NOW)
    world.channel().publish_promotion(request=world.request(name="other"), signers=[promoter], now=NOW)
    state = world.reader().refresh("other")
    assert state.head("other").sequence == 1
    assert state.versions.versions["targets"] == 2
    with pytest.raises(ConflictError, match="other keys"):
        world.channel().add_model(
            name="other", promoters=RoleKeys.of(world.promoters), signers=world.signers.targets, now=NOW
        )


def test_one_models_promoter_cannot_promote_another(world: World) -> None:
    other = CryptoSigner.generate_ecdsa()
    world.channel().add_model(name="other", promoters=RoleKeys.of([other]), signers=world.signers.targets, now=NOW)
    with pytest.raises(InputError, match="not one of its keys"):
        world.channel().publish_promotion(request=world.request(), signers=[other], now=NOW)


def test_promoting_an_unknown_model(world: World) -> None:
    with pytest.raises(InputError, match="add-model"):
        world.channel().publish_promotion(request=world.request(name="new"), signers=world.promoters, now=NOW)


def test_revoking_twice_keeps_the_first_record(world: World) -> None:
    release = Digest.of(b"bad")
    for reason in ("first", "second"):
        world.channel().revoke(releases=[release], reason=reason, signers=world.signers.revocations, now=NOW)
    assert world.reader().refresh(MODEL).revocations[release].reason == "first"


def test_init_is_repeatable_and_guards_what_is_there(world: World) -> None:
    arguments = {
        "store": world.store,
        "channel": "dev",
        "policy": world.policy,
        "models": {MODEL: RoleKeys.of(world.promoters)},
        "now": NOW + timedelta(days=1),
    }
    assert init_channel(signers=world.signers, **arguments) == world.root  # type: ignore[arg-type]
    stranger = make_world(world.folder / "stranger")
    with pytest.raises(ConflictError, match="other keys"):
        init_channel(signers=stranger.signers, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "suffix", ["1.root.json", ".policy.json", "1.targets.json", "1.revocations.json", "1.snapshot.json", "mp.json"]
)
def test_half_done_init_is_completed(world: World, suffix: str) -> None:
    store = FolderStore(folder=world.folder / "again")
    arguments = {
        "channel": "dev",
        "signers": world.signers,
        "policy": world.policy,
        "models": {MODEL: RoleKeys.of(world.promoters)},
    }
    with pytest.raises(CrashError):
        init_channel(store=CrashingStore(store, suffix), now=NOW, **arguments)  # type: ignore[arg-type]
    root = init_channel(store=store, now=NOW + timedelta(hours=1), **arguments)  # type: ignore[arg-type]
    assert world.reader(source=store, root=root).refresh(MODEL).policy == world.policy
