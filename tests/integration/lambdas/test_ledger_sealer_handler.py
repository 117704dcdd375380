"""The function that seals a copy of a ledger: once for what it grew by, and never one that does not hold."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import boto3
import pytest
from moto import mock_aws

from tests.ledger_table import create_ledger_table
from tools.synthesis import ROOT
from weighbridge.errors import WeighbridgeError
from weighbridge.ledger.events import DynamoDbEvents, Event, S3Seals, read_seals, verify_ledger
from weighbridge.trust import generate_key_file, load_signer

TABLE, BUCKET, REGION = "copy", "copy-of-seals", "eu-west-1"


@pytest.fixture
def module() -> ModuleType:
    path = ROOT / "lambdas" / "ledger_sealer" / "handler.py"
    spec = importlib.util.spec_from_file_location("ledger_sealer_handler", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DynamoDbEvents]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        create_ledger_table(boto3.client("dynamodb"), name=TABLE)
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        generate_key_file(tmp_path / "sealer.pem")
        for name, value in (
            ("ENVIRONMENT", "prod"), ("EVENTS_TABLE", TABLE), ("SEALS_BUCKET", BUCKET), ("SEALER_KEY", f"file:{tmp_path / 'sealer.pem'}"),
        ):  # fmt: skip
            monkeypatch.setenv(f"WEIGHBRIDGE_{name}", value)
        yield DynamoDbEvents(client=boto3.client("dynamodb"), table=TABLE)


@pytest.fixture
def sealed(ledger: DynamoDbEvents) -> Callable[[], int]:
    """Return how many entries the seals vouch for."""

    def look() -> int:
        signer = load_signer(os.environ["WEIGHBRIDGE_SEALER_KEY"])
        store = S3Seals(client=boto3.client("s3"), bucket=BUCKET)
        verdict = verify_ledger(ledger=ledger, seals=read_seals(store=store, keys=[signer.public_key], ledger="prod"))
        assert verdict.holds
        return verdict.sealed

    return look


def event(number: int) -> Event:
    return Event(
        id=f"founded-{number}", kind="founded", at=datetime(2026, 11, 24, tzinfo=UTC), actor="owner", channel="prod"
    )


def test_what_the_copy_grew_by_is_sealed(
    module: ModuleType,
    ledger: DynamoDbEvents,
    sealed: Callable[[], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    module.handler({}, None)
    assert sealed() == 0
    ledger.append(event=event(1))
    ledger.append(event=event(2))
    module.handler({}, None)
    assert sealed() == 2
    ledger.append(event=event(3))
    module.handler({}, None)
    assert sealed() == 3
    heads = [json.loads(line)["head"] for line in capsys.readouterr().out.splitlines()]
    assert heads == [None, 2, 3]


def test_a_copy_that_does_not_hold_is_not_sealed(
    module: ModuleType, ledger: DynamoDbEvents, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.append(event=event(1))
    module.handler({}, None)
    ledger.append(event=event(2))
    boto3.client("dynamodb").delete_item(TableName=TABLE, Key={"scope": {"S": "chain"}, "sequence": {"N": "1"}})
    with pytest.raises(WeighbridgeError):
        module.handler({}, None)
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "not-sealed"
    assert len(boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]) == 1
