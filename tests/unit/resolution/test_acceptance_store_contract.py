"""One contract for every store of acceptances."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aws_memory import TABLE, AwsMemory
from trust_world import NOW

from weighbridge.errors import CloudError, InputError, TrustError
from weighbridge.names import Digest, ReleaseId
from weighbridge.resolution import Acceptance, AcceptanceStore, DynamoDbAcceptances, Mark, Scope, SqliteAcceptances
from weighbridge.trust import Floor

SCOPE = Scope(channel="prod", model="minilm")
ROOT = Digest.of(b"root")


def release_id(sequence: int) -> ReleaseId:
    return ReleaseId(sequence=sequence, digest=Digest.of(b"promotion %d" % sequence))


def acceptance(sequence: int = 1, *, scope: Scope = SCOPE) -> Acceptance:
    return Acceptance(
        scope=scope,
        release_id=release_id(sequence),
        version=f"{sequence}.0.0",
        release=Digest.of(b"release %d" % sequence),
        image=f"registry.example.com/inference@{Digest.of(b'image')}",
        load_bytes=90_868_376,
        promoted_at=NOW,
        floor=Floor({"root": 1, "timestamp": sequence, "minilm": sequence}),
        root=ROOT,
        accepted_at=NOW,
    )


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AcceptanceStore:
    if request.param == "sqlite":
        return SqliteAcceptances(path=tmp_path / "folder" / "acceptances.sqlite")
    aws: AwsMemory = request.getfixturevalue("aws")
    return DynamoDbAcceptances(client=aws.dynamodb, table=TABLE)


def test_an_acceptance_is_found_as_it_was_written(store: AcceptanceStore) -> None:
    assert store.find(SCOPE, release_id(1)) is None
    assert store.accept(acceptance()) == acceptance()
    assert store.find(SCOPE, release_id(1)) == acceptance()


def test_the_first_acceptance_of_an_id_stands(store: AcceptanceStore) -> None:
    store.accept(acceptance())
    later = replace(acceptance(), accepted_at=NOW + timedelta(hours=1), floor=Floor({"root": 2}))
    assert store.accept(later) == acceptance()
    assert store.find(SCOPE, release_id(1)) == acceptance()


def test_one_of_many_writers_wins_and_all_answer_with_it(store: AcceptanceStore) -> None:
    answers: list[Acceptance] = []

    def accept(minutes: int) -> None:
        answers.append(store.accept(replace(acceptance(), accepted_at=NOW + timedelta(minutes=minutes))))

    threads = [threading.Thread(target=accept, args=(minutes,)) for minutes in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert set(map(Acceptance.to_bytes, answers)) == {acceptance_bytes(store)}


def acceptance_bytes(store: AcceptanceStore) -> bytes:
    found = store.find(SCOPE, release_id(1))
    assert found is not None
    return found.to_bytes()


def test_the_digest_belongs_to_the_id(store: AcceptanceStore) -> None:
    store.accept(acceptance())
    assert store.find(SCOPE, ReleaseId(sequence=1, digest=Digest.of(b"other"))) is None


def test_scopes_are_independent(store: AcceptanceStore) -> None:
    store.accept(acceptance())
    for other in (Scope("dev", "minilm"), Scope("prod", "other"), Scope("prod", "minilm2")):
        assert store.find(other, release_id(1)) is None
        assert store.history(other).acceptances == ()


def test_a_mark_is_added_once(store: AcceptanceStore) -> None:
    first = Mark(release_id(2), "failed", "its rollout was taken back", NOW)
    assert store.mark(SCOPE, first)
    assert not store.mark(SCOPE, replace(first, reason="again", marked_at=NOW + timedelta(hours=1)))
    assert store.mark(SCOPE, replace(first, kind="revoked"))
    history = store.history(SCOPE)
    assert history.marks[(release_id(2), "failed")] == first
    assert history.has(release_id(2), "revoked")
    assert not history.has(release_id(2), "tried")


def test_an_id_may_be_marked_that_was_never_accepted(store: AcceptanceStore) -> None:
    store.mark(SCOPE, Mark(release_id(3), "tried", "asked for", NOW))
    assert store.find(SCOPE, release_id(3)) is None
    assert store.history(SCOPE).knows(release_id(3))
    assert not store.history(SCOPE).knows(release_id(4))


def test_the_history_is_sorted_by_number(store: AcceptanceStore) -> None:
    for sequence in (10, 9, 2, 100):
        store.accept(acceptance(sequence))
    history = store.history(SCOPE)
    assert [item.release_id.sequence for item in history.acceptances] == [2, 9, 10, 100]
    assert history.highest() == 100


def test_a_failed_id_is_not_the_highest(store: AcceptanceStore) -> None:
    assert store.history(SCOPE).highest() == 0
    store.accept(acceptance(1))
    store.accept(acceptance(2))
    store.mark(SCOPE, Mark(release_id(2), "failed", "taken back", NOW))
    assert store.history(SCOPE).highest() == 1


def test_the_floor_is_what_was_seen_from_the_same_root(store: AcceptanceStore) -> None:
    store.accept(acceptance(1))
    store.accept(acceptance(3))
    store.accept(replace(acceptance(9), root=Digest.of(b"a channel made anew")))
    assert store.history(SCOPE).floor(ROOT) == Floor({"root": 1, "timestamp": 3, "minilm": 3})


def test_a_long_history_is_read_whole(store: AcceptanceStore) -> None:
    for sequence in range(1, 120):
        store.mark(SCOPE, Mark(release_id(sequence), "tried", "r" * 9_000, NOW))
    assert len(store.history(SCOPE).marks) == 119, "DynamoDB answers at most 1 MB at once"


def test_sqlite_acceptances_outlive_the_process(tmp_path: Path) -> None:
    SqliteAcceptances(path=tmp_path / "a.sqlite").accept(acceptance())
    assert SqliteAcceptances(path=tmp_path / "a.sqlite").find(SCOPE, release_id(1)) == acceptance()


def test_sqlite_says_when_its_file_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"not a database, but something that is long enough to be looked at")
    with pytest.raises(InputError, match=r"a\.sqlite"):
        SqliteAcceptances(path=tmp_path / "a.sqlite")


def test_dynamodb_says_which_call_failed(aws: AwsMemory) -> None:
    store = DynamoDbAcceptances(client=aws.dynamodb, table="missing")
    with pytest.raises(CloudError, match="GetItem on table missing"):
        store.find(SCOPE, release_id(1))
    with pytest.raises(CloudError, match="PutItem on table missing"):
        store.accept(acceptance())
    with pytest.raises(CloudError, match="Query on table missing"):
        store.history(SCOPE)


@pytest.mark.parametrize("record", [{"S": "{}"}, {"S": "no json"}, {"N": "1"}])
def test_an_item_of_somebody_else_is_refused(aws: AwsMemory, record: dict[str, str]) -> None:
    key = f"accepted#{1:015d}#{release_id(1).digest.hex}"
    aws.dynamodb.put_item(
        TableName=TABLE,
        Item={"pk": {"S": "prod/minilm"}, "sk": {"S": key}, "record": record},  # type: ignore[dict-item]
    )
    with pytest.raises(TrustError):
        DynamoDbAcceptances(client=aws.dynamodb, table=TABLE).find(SCOPE, release_id(1))


@pytest.mark.parametrize("field", ["channel", "release_id", "floor", "root", "load_bytes", "schema"])
def test_a_record_without_a_field_is_refused(field: str) -> None:
    data = acceptance().to_bytes().replace(b'"%s":' % field.encode(), b'"%s_":' % field.encode())
    with pytest.raises(TrustError, match="not one of weighbridge"):
        Acceptance.parse(data)
