"""The ledger's writer and the auditor as Lambda calls them, with AWS and the registry embedded."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import boto3
import pytest
from moto import mock_aws

from tests.promoted_registry import MODEL, PromotedRegistry, promoted_registry
from weighbridge.ledger.events import DynamoDbEvents, Event, S3Seals, tell, verify_ledger
from weighbridge.ledger.events.sealing import Seals
from weighbridge.trust import generate_key_file

ROOT = Path(__file__).resolve().parents[3]
REGION = "eu-central-1"
BUCKETS = ("metadata", "seals")


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_handler", ROOT / "lambdas" / name / "handler.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def promoted(tmp_path: Path) -> Iterator[PromotedRegistry]:
    with promoted_registry(tmp_path) as world:
        yield world


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Tables, buckets, bus and a sealer's key; returns the variables that name them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
        for table, keys in (
            ("events", (("scope", "S"), ("sequence", "N"))),
            ("acceptances", (("pk", "S"), ("sk", "S"))),
        ):
            dynamodb.create_table(
                TableName=table,
                KeySchema=[
                    {"AttributeName": name, "KeyType": kind}
                    for (name, _), kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in keys],
                BillingMode="PAY_PER_REQUEST",
            )
        for bucket in BUCKETS:
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        boto3.client("events").create_event_bus(Name="weighbridge-prod-ledger")
        generate_key_file(tmp_path / "sealer.pem")
        yield {
            "WEIGHBRIDGE_ENVIRONMENT": "prod",
            "WEIGHBRIDGE_ACCEPTANCE_TABLE": "acceptances",
            "WEIGHBRIDGE_METADATA_BUCKET": "metadata",
            "WEIGHBRIDGE_EVENTS_TABLE": "events",
            "WEIGHBRIDGE_EVENTS_BUS": "weighbridge-prod-ledger",
            "WEIGHBRIDGE_SEALS_BUCKET": "seals",
            "WEIGHBRIDGE_SEALER_KEY": f"file:{tmp_path}/sealer.pem",
        }


def test_the_writer_chains_a_batch_and_answers_what_is_to_come_again(
    aws: dict[str, str], promoted: PromotedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_bytes(b"{}")
    _, promotion = promoted.promote(tmp_path / "model")
    monkeypatch.setenv("WEIGHBRIDGE_ENVIRONMENT", "prod")
    monkeypatch.setenv("WEIGHBRIDGE_EVENTS_TABLE", "events")
    body = tell.promoted(promotion=promotion, environment="prod").to_bytes().decode()
    records = [{"messageId": "1", "body": body}, {"messageId": "2", "body": "junk"}, {"messageId": "3", "body": body}]
    assert load("ledger_writer").handler({"Records": records}, None) == {"batchItemFailures": []}
    ledger = DynamoDbEvents(client=boto3.client("dynamodb"), table="events")
    assert [entry.event.model for entry in ledger.events()] == [MODEL]
    monkeypatch.setenv("WEIGHBRIDGE_EVENTS_TABLE", "missing")
    answer = load("ledger_writer").handler({"Records": records}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": each} for each in ("1", "2", "3")]}


def test_broken_glass_is_counted_where_an_alarm_looks_and_only_once_it_is_in_the_ledger(
    aws: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_ENVIRONMENT", "prod")
    at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    events = [
        Event(id="g", kind="break-glass", at=at, actor="ann", channel="prod", details={"waives": "soak"}),
        Event(id="r", kind="renewed", at=at, actor="ann", channel="prod"),
    ]
    records = [{"messageId": each.id, "body": each.to_bytes().decode()} for each in events]

    def counted(table: str) -> list[dict[str, object]]:
        monkeypatch.setenv("WEIGHBRIDGE_EVENTS_TABLE", table)
        load("ledger_writer").handler({"Records": records}, None)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in lines if "GlassBroken" in line]

    assert counted("missing") == []
    [line] = counted("events")
    assert (line["GlassBroken"], line["Environment"], line["actor"]) == (1, "prod", "ann")
    metric = line["_aws"]["CloudWatchMetrics"][0]  # type: ignore[index]
    assert (metric["Namespace"], metric["Dimensions"]) == ("weighbridge", [["Environment"]])


@pytest.fixture
def audited(
    aws: dict[str, str], promoted: PromotedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> DynamoDbEvents:
    """One promotion that was told, and the auditor's variables; returns the ledger."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_bytes(b"{}")
    _, promotion = promoted.promote(tmp_path / "model")
    ledger = DynamoDbEvents(client=boto3.client("dynamodb"), table="events")
    ledger.append(event=tell.promoted(promotion=promotion, environment="prod"))
    secret = boto3.client("secretsmanager").create_secret(
        Name="reader", SecretString=json.dumps({"token": promoted.registry.token("reader")})
    )["Name"]
    variables = {
        **aws,
        "WEIGHBRIDGE_REGISTRY_URL": promoted.registry.url,
        "WEIGHBRIDGE_CHANNEL": promoted.name,
        "WEIGHBRIDGE_MODELS_REPOSITORY": promoted.layout.models_repository,
        "WEIGHBRIDGE_RECORDS_REPOSITORY": promoted.layout.records_repository,
        "WEIGHBRIDGE_ROOT": str(promoted.root),
        "WEIGHBRIDGE_TOKEN_SECRET_ID": secret,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return ledger


def test_the_auditor_seals_audits_and_names_an_added_file(
    audited: DynamoDbEvents, promoted: PromotedRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> list[dict[str, object]]:
        load("auditor").handler({}, None)
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    lines = run()
    assert [line for line in lines if line.get("event") == "finding"] == []
    [measured] = [line for line in lines if "_aws" in line]
    assert (measured["AuditFindings"], measured["AuditedReleases"]) == (0, 1)
    assert len(list(S3Seals(client=boto3.client("s3"), bucket="seals").all())) == 1
    assert verify_ledger(ledger=audited, seals=Seals(valid=(), problems=())).holds

    promoted.client("admin").deploy_bytes(
        repository=promoted.layout.models_repository, path=f"models/{MODEL}/1.0.0/evil.py", data=b"import os"
    )
    lines = run()
    [finding] = [line for line in lines if line.get("event") == "finding"]
    assert finding["rule"] == "audit.file-extra"
    [measured] = [line for line in lines if "_aws" in line]
    assert (measured["AuditFindings"], measured["AuditedReleases"]) == (1, 1)


class Trail:
    """CloudTrail with one signature by `key`, made at `at`."""

    def __init__(self, key: str, at: datetime) -> None:
        said = {
            "eventSource": "kms.amazonaws.com", "eventID": "e-1", "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "userIdentity": {"arn": "arn:aws:iam::111111111111:user/eve"}, "resources": [{"ARN": key}],
        }  # fmt: skip
        self.event = {"EventId": "e-1", "CloudTrailEvent": json.dumps(said)}

    def get_paginator(self, _name: str) -> Trail:
        return self

    def paginate(self, **_asked: object) -> Iterator[dict[str, object]]:
        yield {"Events": [self.event]}


@pytest.mark.parametrize(
    ("watched", "hours", "rules"),
    [(True, 0, []), (True, 1, ["audit.sign-unexplained"]), (False, 1, [])],
    ids=["told", "untold", "not watched"],
)
def test_a_signature_that_aws_counted_is_explained_by_the_ledger_or_named(
    audited: DynamoDbEvents,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    watched: bool,
    hours: int,
    rules: list[str],
) -> None:
    kms = boto3.client("kms")
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    kms.create_alias(AliasName="alias/promoter", TargetKeyId=key["KeyId"])
    if watched:
        monkeypatch.setenv("WEIGHBRIDGE_WATCHED_KEYS", "promoters=awskms:alias/promoter")
    [entry] = audited.events()
    trail, client = Trail(key["Arn"], entry.event.at + timedelta(hours=hours)), boto3.Session.client

    def either(session: boto3.Session, name: str, **options: object) -> object:
        return trail if name == "cloudtrail" else client(session, name, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(boto3.Session, "client", either)
    load("auditor").handler({}, None)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["rule"] for line in lines if line.get("event") == "finding"] == rules
    [measured] = [line for line in lines if "_aws" in line]
    assert (measured["AuditFindings"], measured["AuditedReleases"]) == (len(rules), 1)
