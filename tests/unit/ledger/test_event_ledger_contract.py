"""One contract for every event ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from event_world import NOW, PROMOTED, fill, numbered
from moto import mock_aws

from tests.atomic_calls import atomic
from tests.ledger_table import create_ledger_table
from weighbridge.errors import CloudError, ConflictError, InputError
from weighbridge.ledger import SqliteLedger
from weighbridge.ledger.events import DynamoDbEvents, Entry, EventLedger, SqliteEvents
from weighbridge.names import Digest


@pytest.fixture(params=["sqlite", "dynamodb"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventLedger]:
    if request.param == "sqlite":
        yield SqliteEvents(path=tmp_path / "folder" / "ledger.sqlite")
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = atomic(boto3.client("dynamodb", region_name="eu-central-1"))
        create_ledger_table(client, name="events")
        yield DynamoDbEvents(client=client, table="events", sleep=lambda _: None)


def test_an_empty_ledger_has_no_head_and_no_events(ledger: EventLedger) -> None:
    assert ledger.head() is None
    assert list(ledger.events()) == []
    assert ledger.find(event_id="promoted:dev/minilm:1") is None


def test_entries_are_numbered_from_one_and_name_the_one_before(ledger: EventLedger) -> None:
    first = ledger.append(event=numbered(1))
    second = ledger.append(event=numbered(2))
    assert (first.sequence, first.previous.hex) == (1, "0" * 64)
    assert (second.sequence, second.previous) == (2, Digest.of(first.to_bytes()))
    assert ledger.head() == second.head
    assert [item.data for item in ledger.stored()] == [first.to_bytes(), second.to_bytes()]


def test_what_was_appended_is_read_back_whole(ledger: EventLedger) -> None:
    event = replace(PROMOTED, details={"reason": "weil es läuft", "empty": ""})
    ledger.append(event=event)
    assert [entry.event for entry in ledger.events()] == [event]
    assert ledger.find(event_id=event.id) == Entry.after(None, event=event)


def test_the_same_event_again_is_success_and_adds_nothing(ledger: EventLedger) -> None:
    first = ledger.append(event=PROMOTED)
    fill(ledger, 2)
    later = replace(PROMOTED, at=NOW.replace(hour=13), details={"told": "again"})
    assert ledger.append(event=later) == first
    ledger.emit(event=PROMOTED)
    assert [entry.sequence for entry in ledger.events()] == [1, 2, 3]


def test_an_id_that_tells_of_something_else_is_a_conflict_and_changes_nothing(ledger: EventLedger) -> None:
    first = ledger.append(event=PROMOTED)
    with pytest.raises(ConflictError, match=r"promoted:dev/minilm:1 is number 1 already"):
        ledger.append(event=replace(PROMOTED, actor="mallory"))
    assert list(ledger.events()) == [first]


def test_reading_goes_on_after_a_number(ledger: EventLedger) -> None:
    fill(ledger, 5)
    assert [entry.event.id for entry in ledger.events(after=3)] == ["event-4", "event-5"]
    assert list(ledger.stored(after=5)) == []


def test_many_writers_make_one_chain_without_gaps(ledger: EventLedger) -> None:
    def write(first: int) -> None:
        for number in range(first, first + 3):
            ledger.append(event=numbered(number))

    threads = [threading.Thread(target=write, args=(first,)) for first in (1, 11, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = list(ledger.events())
    assert [entry.sequence for entry in entries] == list(range(1, 10))
    assert [entry.previous for entry in entries[1:]] == [entry.digest for entry in entries[:-1]]


def test_a_race_for_one_id_puts_it_once(ledger: EventLedger) -> None:
    threads = [threading.Thread(target=ledger.emit, kwargs={"event": PROMOTED}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.sequence for entry in ledger.events()] == [1]


def test_more_than_a_page_is_read_in_order(tmp_path: Path) -> None:
    ledger = SqliteEvents(path=tmp_path / "ledger.sqlite")
    fill(ledger, 300)
    assert [entry.sequence for entry in ledger.events()] == list(range(1, 301))


def test_sqlite_events_share_a_file_with_the_claims_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    SqliteLedger(path=path).claim(scope="dev/minilm", sequence=1, digest=PROMOTED.release or Digest.of(b""))
    SqliteEvents(path=path).append(event=PROMOTED)
    assert SqliteLedger(path=path).claimed(scope="dev/minilm", sequence=1) == PROMOTED.release


def test_sqlite_says_when_its_file_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database, but something that is long enough to be looked at")
    with pytest.raises(InputError, match=r"ledger\.sqlite"):
        SqliteEvents(path=tmp_path / "ledger.sqlite")


def test_dynamodb_says_which_table_it_could_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        ledger = DynamoDbEvents(client=boto3.client("dynamodb", region_name="eu-central-1"), table="missing")
        with pytest.raises(CloudError, match="GetItem on table missing"):
            ledger.append(event=PROMOTED)
        with pytest.raises(CloudError, match="Query on table missing"):
            ledger.head()
