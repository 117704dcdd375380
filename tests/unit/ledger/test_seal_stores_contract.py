"""One contract for every store of seals; and the way of events over a bus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from event_world import PROMOTED
from moto import mock_aws

from weighbridge.errors import CloudError, ConflictError
from weighbridge.ledger.events import Event, EventBridgeSink, FolderSeals, S3Seals, SealStore


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SealStore]:
    if request.param == "folder":
        yield FolderSeals(folder=tmp_path / "seals")
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="seals", ObjectLockEnabledForBucket=True)
        client.put_object(Bucket="seals", Key="seals/readme.txt", Body=b"not a seal")
        yield S3Seals(client=client, bucket="seals")


def test_seals_are_read_in_the_order_of_their_numbers(store: SealStore) -> None:
    assert list(store.all()) == []
    for first in (11, 1, 9):
        store.put(first=first, data=b"%d" % first)
    assert list(store.all()) == [(1, b"1"), (9, b"9"), (11, b"11")]


def test_a_seal_is_written_once(store: SealStore) -> None:
    store.put(first=1, data=b"one")
    with pytest.raises(ConflictError, match="begins with number 1 is there"):
        store.put(first=1, data=b"two")
    assert list(store.all()) == [(1, b"one")]


class Bus:
    """What EventBridge answers."""

    def __init__(self, *, failed: bool) -> None:
        self.failed, self.entries = failed, []

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803
        self.entries += Entries
        refused = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
        return {"FailedEntryCount": int(self.failed), "Entries": [refused if self.failed else {"EventId": "1"}]}


def test_an_event_goes_over_the_bus_whole() -> None:
    bus = Bus(failed=False)
    EventBridgeSink(client=bus, bus="weighbridge-dev-ledger").emit(event=PROMOTED)  # type: ignore[arg-type]
    [entry] = bus.entries
    assert (entry["EventBusName"], entry["Source"]) == ("weighbridge-dev-ledger", "weighbridge.ledger")
    assert Event.parse(entry["Detail"].encode()) == PROMOTED


def test_an_event_that_the_bus_did_not_take_is_an_error() -> None:
    with pytest.raises(CloudError, match="slow down"):
        EventBridgeSink(client=Bus(failed=True), bus="b").emit(event=PROMOTED)  # type: ignore[arg-type]
