"""Resolving: every gate for a new id, none for an accepted one, at most eight requests, and safe to repeat anywhere."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aws_memory import BUCKET, TABLE, AwsMemory
from channel_world import LAYOUT, RegistryWorld
from glass_world import promote_with_glass
from trust_world import MODEL, NOW

from weighbridge.errors import (
    CloudError,
    DoesNotFitError,
    InputError,
    NothingPromotedError,
    RegistryUnavailableError,
    RevokedError,
    TrustError,
    WeighbridgeError,
)
from weighbridge.names import Digest, ReleaseId
from weighbridge.registry import ArtifactoryClient
from weighbridge.resolution import (
    Acceptance,
    DynamoDbAcceptances,
    FolderMetadata,
    History,
    LoggedAlarms,
    Mark,
    Memory,
    Resolution,
    ResolutionRequest,
    Resolver,
    S3Metadata,
    Scope,
    SqliteAcceptances,
)

SCOPE = Scope(channel="dev", model=MODEL)
TYPE = "ml.c6i.xlarge"


@dataclass
class Bench:
    """A resolver over a served channel, with its memory and its alarms."""

    served: RegistryWorld
    memory: Memory
    now: datetime = NOW
    out: io.StringIO = field(default_factory=io.StringIO)

    def resolver(self, *, memory: Memory | None = None, client: ArtifactoryClient | None = None) -> Resolver:
        return Resolver(
            client=client or self.served.client(),
            layout=LAYOUT,
            root=self.served.world.root,
            memory=memory or self.memory,
            alarms=LoggedAlarms(out=self.out, clock=lambda: self.now),
            clock=lambda: self.now,
        )

    def resolve(self, release_id: ReleaseId, *, instance_type: str | None = TYPE, **parts: object) -> Resolution:
        request = ResolutionRequest(model=MODEL, release_id=release_id, instance_type=instance_type)
        return self.resolver(**parts).resolve(request)  # type: ignore[arg-type]

    def alarms(self) -> list[str]:
        return [json.loads(line)["Alarm"] for line in self.out.getvalue().splitlines()]


@pytest.fixture(params=["files", "aws"])
def bench(request: pytest.FixtureRequest, served: RegistryWorld, tmp_path: Path) -> Bench:
    if request.param == "files":
        memory = Memory(
            acceptances=SqliteAcceptances(path=tmp_path / "acceptances.sqlite"),
            metadata=FolderMetadata(folder=tmp_path / "kept"),
        )
    else:
        aws: AwsMemory = request.getfixturevalue("aws")
        memory = Memory(
            acceptances=DynamoDbAcceptances(client=aws.dynamodb, table=TABLE),
            metadata=S3Metadata(client=aws.s3, bucket=BUCKET),
        )
    return Bench(served=served, memory=memory)


def test_a_promoted_release_is_resolved(bench: Bench) -> None:
    release = bench.served.release("1.0.0")
    promotion = bench.served.publish(release)
    found = bench.resolve(promotion.release_id)
    host = bench.served.client().host
    assert found.attributes() == {
        "Version": "1.0.0",
        "ReleaseDigest": str(release.digest),
        "ReleaseReference": f"{host}/dev-models/minilm:1.0.0@{release.digest}",
        "ImageUri": release.runtime.image,
        "WeightsBytes": "90868376",
        "PromotionSequence": "1",
        "PromotedAt": "2026-11-23T12:00:00Z",
        "Floor": str(bench.served.world.reader().refresh(MODEL).versions),
        "StartupTimeoutSeconds": 302,
        "VolumeSizeInGB": 31,
        "InferenceAmiVersion": "",
    }
    assert not found.remembered
    assert bench.alarms() == []


def test_the_attributes_stay_far_below_cloudformations_limit(bench: Bench) -> None:
    found = bench.resolve(bench.served.publish(bench.served.release("v" * 60)).release_id)
    assert len(json.dumps(found.attributes())) < 1_500


def test_a_cold_start_takes_eight_requests_however_many_versions_exist(bench: Bench) -> None:
    served = bench.served
    promotions = [served.publish(served.release(f"1.0.{number}")) for number in range(30)]
    client = served.client()
    bench.resolve(promotions[-1].release_id, client=client)
    assert client.requests_made == 8
    warm = served.client()
    bench.resolve(promotions[3].release_id, client=warm)
    assert warm.requests_made <= 4, "the next root, the timestamp and the release: the rest is kept"


def test_an_accepted_id_makes_no_request_at_all(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0"))
    first = bench.resolve(promotion.release_id)
    client = bench.served.client()
    again = bench.resolve(promotion.release_id, client=client)
    assert client.requests_made == 0
    assert again.remembered
    assert again.attributes() == first.attributes()


def test_an_accepted_id_is_answered_while_the_registry_is_down(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0"))
    first = bench.resolve(promotion.release_id)
    bench.served.registry.stop()
    assert bench.resolve(promotion.release_id).attributes() == first.attributes()


def test_an_accepted_id_is_answered_after_its_metadata_expired(bench: Bench) -> None:
    served = bench.served
    promotion = served.publish(served.release("1.0.0"))
    bench.resolve(promotion.release_id)
    newer = served.publish(served.release("2.0.0"))
    bench.now = NOW + timedelta(days=400)
    assert bench.resolve(promotion.release_id).remembered
    with pytest.raises(TrustError) as refusal:
        bench.resolve(newer.release_id)
    assert refusal.value.rule == "refused.expired"


def test_a_revoked_id_that_was_accepted_is_answered_with_an_alarm(bench: Bench) -> None:
    served = bench.served
    release = served.release("1.0.0")
    promotion = served.publish(release)
    bench.resolve(promotion.release_id)
    served.revoke(release.digest, reason="poisoned data")
    bench.resolve(served.publish(served.release("2.0.0")).release_id)
    assert bench.alarms() == []
    assert bench.resolve(promotion.release_id).remembered
    assert bench.alarms() == ["backwards", "revoked"]
    assert "poisoned data" in bench.out.getvalue()


def test_a_revoked_id_that_is_new_is_refused(bench: Bench) -> None:
    served = bench.served
    release = served.release("1.0.0")
    promotion = served.publish(release)
    served.revoke(release.digest)
    with pytest.raises(RevokedError):
        bench.resolve(promotion.release_id)
    assert bench.memory.acceptances.find(SCOPE, promotion.release_id) is None


def test_going_backwards_rings_until_the_newer_one_failed(bench: Bench) -> None:
    served = bench.served
    old, new = (served.publish(served.release(version)) for version in ("1.0.0", "2.0.0"))
    bench.resolve(old.release_id)
    bench.resolve(new.release_id)
    bench.resolve(old.release_id)
    assert bench.alarms() == ["backwards"]
    bench.memory.acceptances.mark(SCOPE, Mark(new.release_id, "failed", "taken back", NOW))
    bench.resolve(old.release_id)
    assert bench.alarms() == ["backwards"]


def test_an_accepted_id_that_failed_is_answered_with_an_alarm(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0"))
    bench.resolve(promotion.release_id)
    bench.memory.acceptances.mark(SCOPE, Mark(promotion.release_id, "failed", "its rollout was taken back", NOW))
    assert bench.resolve(promotion.release_id).remembered
    assert bench.alarms() == ["failed-before"]


def test_an_id_that_failed_before_it_was_accepted_passes_every_gate_with_an_alarm(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0"))
    bench.memory.acceptances.mark(SCOPE, Mark(promotion.release_id, "failed", "the registry was down", NOW))
    assert not bench.resolve(promotion.release_id).remembered
    assert bench.alarms() == ["failed-before"]


def test_nothing_promoted(bench: Bench) -> None:
    with pytest.raises(NothingPromotedError):
        bench.resolve(ReleaseId(sequence=1, digest=Digest.of(b"promotion")))


def test_an_unknown_model(bench: Bench) -> None:
    request = ResolutionRequest(model="unknown", release_id=ReleaseId(sequence=1, digest=Digest.of(b"p")))
    with pytest.raises(NothingPromotedError, match="add-model"):
        bench.resolver().resolve(request)


def test_a_new_id_needs_the_registry(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0"))
    bench.served.registry.stop()
    with pytest.raises(RegistryUnavailableError):
        bench.resolve(promotion.release_id)
    history = bench.memory.acceptances.history(SCOPE)
    assert history.acceptances == ()
    assert history.knows(promotion.release_id), "the watcher must know that it was asked for"


def test_what_does_not_fit_is_refused_with_the_arithmetic_and_not_accepted(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0", load_bytes=300_000_000_000))
    with pytest.raises(DoesNotFitError, match=r"300,000,000,000 bytes at 64 MiB/s on ml\.c6i\.xlarge take 4,471 s"):
        bench.resolve(promotion.release_id)
    assert bench.memory.acceptances.find(SCOPE, promotion.release_id) is None


def test_an_accepted_id_on_an_instance_that_is_too_small_is_answered_with_an_alarm(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0", load_bytes=300_000_000_000))
    bench.resolve(promotion.release_id, instance_type="ml.c6i.4xlarge")
    found = bench.resolve(promotion.release_id).attributes()
    assert (found["StartupTimeoutSeconds"], found["VolumeSizeInGB"]) == (3600, 310)
    assert bench.alarms() == ["does-not-fit"]
    bench.resolve(promotion.release_id, instance_type="ml.unheard.of")
    assert bench.alarms() == ["does-not-fit", "does-not-fit"]


def test_an_unknown_instance_type_is_refused_for_a_new_id(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0"))
    with pytest.raises(InputError, match=r"InstanceType: 'ml\.c6i\.xlarg' .* ml\.c6i\.xlarge"):
        bench.resolve(promotion.release_id, instance_type="ml.c6i.xlarg")


def test_without_an_instance_type_nothing_is_fitted(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0", load_bytes=10**15))
    found = bench.resolve(promotion.release_id, instance_type=None)
    assert "VolumeSizeInGB" not in found.attributes()


def test_a_registry_that_was_put_back_is_seen(bench: Bench) -> None:
    served = bench.served
    first = served.publish(served.release("1.0.0"))
    old = {path: path.read_bytes() for path in (served.world.folder / "tuf").glob("*.json")}
    second = served.publish(served.release("2.0.0"))
    bench.resolve(second.release_id)
    for path in (served.world.folder / "tuf").glob("*.json"):
        path.unlink()
    for path, data in old.items():
        path.write_bytes(data)
    with pytest.raises(TrustError) as refusal:
        bench.resolve(first.release_id)
    assert refusal.value.rule == "refused.rollback"


def test_a_registry_that_was_put_back_is_seen_from_the_table_alone(bench: Bench, tmp_path: Path) -> None:
    served = bench.served
    first = served.publish(served.release("1.0.0"))
    old = {path: path.read_bytes() for path in (served.world.folder / "tuf").glob("*.json")}
    bench.resolve(served.publish(served.release("2.0.0")).release_id)
    for path in (served.world.folder / "tuf").glob("*.json"):
        path.unlink()
    for path, data in old.items():
        path.write_bytes(data)
    emptied = Memory(acceptances=bench.memory.acceptances, metadata=FolderMetadata(folder=tmp_path / "emptied"))
    with pytest.raises(TrustError, match="below the floor"):
        bench.resolve(first.release_id, memory=emptied)


def test_what_was_seen_is_kept_even_when_the_release_is_refused(bench: Bench) -> None:
    served = bench.served
    release = served.release("1.0.0")
    promotion = served.publish(release, record=False)
    with pytest.raises(TrustError):
        bench.resolve(promotion.release_id)
    assert f"{MODEL}.json" in bench.memory.metadata.load(channel="dev", root=served.world.root)


class Killed(BaseException):
    """The function ended here, without cleaning up."""


class Fragile:
    """A memory that kills the run before or after its Nth write."""

    def __init__(self, memory: Memory, *, at: int, after: bool) -> None:
        self._memory = memory
        self._left = at
        self._after = after

    def _write(self, write: object) -> object:
        assert callable(write)
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        result = write()
        if self._left == 0:
            raise Killed
        return result

    def find(self, scope: Scope, release_id: ReleaseId) -> Acceptance | None:
        return self._memory.acceptances.find(scope, release_id)

    def history(self, scope: Scope) -> History:
        return self._memory.acceptances.history(scope)

    def accept(self, acceptance: Acceptance) -> Acceptance:
        result = self._write(lambda: self._memory.acceptances.accept(acceptance))
        assert isinstance(result, Acceptance)
        return result

    def mark(self, scope: Scope, mark: Mark) -> bool:
        return bool(self._write(lambda: self._memory.acceptances.mark(scope, mark)))

    def load(self, *, channel: str, root: Digest) -> dict[str, bytes]:
        return self._memory.metadata.load(channel=channel, root=root)

    def save(self, *, channel: str, root: Digest, files: Mapping[str, bytes]) -> None:
        self._write(lambda: self._memory.metadata.save(channel=channel, root=root, files=files))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_killed_half_way_and_repeated_it_gives_the_same_answer(bench: Bench, at: int, after: bool) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0"))
    fragile = Fragile(bench.memory, at=at, after=after)
    with pytest.raises(Killed):
        bench.resolve(promotion.release_id, memory=Memory(acceptances=fragile, metadata=fragile))
    first = bench.resolve(promotion.release_id)
    assert first.remembered == (at == 3 and after)
    assert bench.resolve(promotion.release_id).attributes() == first.attributes()


def test_two_runs_at_once_answer_alike(bench: Bench) -> None:
    served = bench.served
    promotion = served.publish(served.release("1.0.0"))

    class Slow(Fragile):
        """Lets another run finish before its own acceptance is written."""

        def accept(self, acceptance: Acceptance) -> Acceptance:
            served.publish(served.release("2.0.0"))
            bench.resolve(promotion.release_id)
            return self._memory.acceptances.accept(acceptance)

    slow = Slow(bench.memory, at=0, after=False)
    mine = bench.resolve(promotion.release_id, memory=Memory(acceptances=slow, metadata=slow))
    assert mine.attributes() == bench.resolve(promotion.release_id).attributes()


def test_an_alarm_that_cannot_be_judged_is_no_refusal(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0"))
    bench.resolve(promotion.release_id)

    class Forgetful(Fragile):
        def history(self, scope: Scope) -> History:
            raise CloudError("dynamodb:Query: throttled")

    forgetful = Forgetful(bench.memory, at=0, after=False)
    found = bench.resolve(promotion.release_id, memory=Memory(acceptances=forgetful, metadata=forgetful))
    assert found.remembered
    assert bench.alarms() == ["memory-unavailable"]


def test_without_the_table_nothing_is_judged(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0"))

    class Gone(Fragile):
        def find(self, scope: Scope, release_id: ReleaseId) -> Acceptance | None:
            raise CloudError("dynamodb:GetItem: no answer")

    gone = Gone(bench.memory, at=0, after=False)
    with pytest.raises(CloudError):
        bench.resolve(promotion.release_id, memory=Memory(acceptances=gone, metadata=gone))
    assert bench.served.registry.seen == []


def test_an_alarm_is_one_line_that_cloudwatch_counts(bench: Bench) -> None:
    promotion = bench.served.publish(bench.served.release("1.0.0"))
    bench.resolve(promotion.release_id)
    bench.memory.acceptances.mark(SCOPE, Mark(promotion.release_id, "failed", "taken\nback", NOW))
    bench.resolve(promotion.release_id)
    (line,) = bench.out.getvalue().splitlines()
    found = json.loads(line)
    (directive,) = found["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "weighbridge"
    assert directive["Metrics"] == [{"Name": "ResolutionAlarms", "Unit": "Count"}]
    by_model, by_kind = directive["Dimensions"]
    assert by_model == ["Channel", "Model"], "what PromotedModel's alarm watches"
    assert {name: found[name] for name in by_kind} == {
        "Channel": "dev",
        "Model": "minilm",
        "Alarm": "failed-before",
    }
    assert found["ResolutionAlarms"] == 1
    assert found["_aws"]["Timestamp"] == int(NOW.timestamp() * 1000)
    assert (found["release_id"], found["message"]) == (str(promotion.release_id), "taken back")


def test_a_bad_model_name_is_refused_at_once() -> None:
    with pytest.raises(WeighbridgeError, match="model name: 'a b'"):
        ResolutionRequest(model="a b", release_id=ReleaseId(sequence=1, digest=Digest.of(b"p")))


def test_a_promotion_that_needed_broken_glass_is_told_of_once(bench: Bench) -> None:
    promotion = promote_with_glass(bench.served, people=2)
    bench.resolve(promotion.release_id)
    bench.resolve(promotion.release_id)
    assert bench.alarms() == ["glass-broken"]


def test_one_person_breaks_no_glass(bench: Bench) -> None:
    promotion = promote_with_glass(bench.served, people=1)
    with pytest.raises(TrustError) as refusal:
        bench.resolve(promotion.release_id)
    assert refusal.value.rule == "refused.approvals"
