"""Findings are told once, again when they change or a day has passed, and resolved only when they were looked for."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from guard_world import NOW
from moto import mock_aws
from running_world import FakeSageMaker, look

from weighbridge.errors import CloudError
from weighbridge.logs import JsonLog
from weighbridge.reconciliation import (
    DynamoDbFindings,
    EventOutlet,
    Finding,
    FindingBook,
    Notice,
    Product,
    ReconcilerRun,
    Report,
    SecurityHubOutlet,
    as_finding,
    settle,
)
from weighbridge.reconciliation.gauge import show

ARN = "arn:aws:sagemaker:eu-central-1:111111111111:endpoint/minilm"
FINDING = Finding("revoked", "minilm", ARN, "primary", "primary: revoked: leaks", "host/models/minilm:1@sha256:x")
ID = "weighbridge/prod/revoked/minilm/primary"
NOTICE = Notice(ID, "prod", FINDING, "open", NOW, NOW)
PRODUCT = Product(partition="aws", region="eu-central-1", account="111111111111")
CREDENTIALS = {"region_name": "eu-central-1", "aws_access_key_id": "x", "aws_secret_access_key": "y"}
TABLE = "findings"


def report(*findings: Finding, held: str = "", failures: tuple[str, ...] = ()) -> Report:
    return Report(findings, endpoints=1, held=frozenset({held} if held else ()), failures=failures)


@dataclass
class Told:
    """An outlet that remembers."""

    notices: list[Notice] = field(default_factory=list)

    def send(self, notices: Sequence[Notice]) -> None:
        self.notices += notices


@dataclass
class MemoryBook:
    """A book in memory."""

    notices: dict[str, Notice] = field(default_factory=dict)

    def open(self, environment: str) -> Mapping[str, Notice]:
        found = self.notices.items()
        return {key: each for key, each in found if each.environment == environment and each.state == "open"}

    def write(self, notice: Notice) -> None:
        self.notices[notice.id] = notice


@pytest.fixture(params=["memory", "dynamodb"])
def book(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[FindingBook]:
    if request.param == "memory":
        yield MemoryBook()
        return
    with mock_aws():
        client = boto3.client("dynamodb", **CREDENTIALS)
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        yield DynamoDbFindings(client=client, table=TABLE)


def tell(book: FindingBook, found: Report, *, hours: float = 0) -> list[tuple[str, str]]:
    told = Told()
    settle(found, environment="prod", book=book, outlets=[told], now=NOW + timedelta(hours=hours))
    return [(each.state, each.id) for each in told.notices]


def test_a_finding_is_told_once_and_again_after_a_day(book: FindingBook) -> None:
    assert tell(book, report(FINDING)) == [("open", ID)]
    assert tell(book, report(FINDING), hours=23.9) == []
    assert tell(book, report(FINDING), hours=24) == [("open", ID)]
    assert book.open("prod")[ID].first_seen == NOW
    assert tell(book, report(FINDING), hours=47) == []


def test_a_finding_that_changes_is_told_again(book: FindingBook) -> None:
    tell(book, report(FINDING))
    assert tell(book, report(replace(FINDING, message="primary: revoked: worse")), hours=1) == [("open", ID)]


def test_a_finding_that_is_gone_is_resolved_once_and_may_come_back(book: FindingBook) -> None:
    tell(book, report(FINDING))
    assert tell(book, report(), hours=1) == [("resolved", ID)]
    assert tell(book, report(), hours=2) == []
    assert tell(book, report(FINDING), hours=3) == [("open", ID)]
    assert book.open("prod")[ID].first_seen == NOW + timedelta(hours=3)


def test_a_finding_is_not_resolved_while_its_endpoint_is_not_decided(book: FindingBook) -> None:
    tell(book, report(FINDING))
    assert tell(book, report(held="minilm"), hours=1) == []
    assert tell(book, report(held="other"), hours=2) == [("resolved", ID)]


def test_another_environments_findings_are_left_alone(book: FindingBook) -> None:
    book.write(replace(NOTICE, environment="dev", id="weighbridge/dev/x"))
    assert tell(book, report()) == []


def test_what_was_not_told_is_told_by_the_next_run(book: FindingBook) -> None:
    class Broken:
        def send(self, _: Sequence[Notice]) -> None:
            raise CloudError("events:PutEvents: no answer")

    with pytest.raises(CloudError):
        settle(report(FINDING), environment="prod", book=book, outlets=[Broken()], now=NOW)
    assert tell(book, report(FINDING), hours=1) == [("open", ID)]


def test_a_resolved_finding_leaves_the_table_after_ninety_days() -> None:
    with mock_aws():
        client = boto3.client("dynamodb", **CREDENTIALS)
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        DynamoDbFindings(client=client, table=TABLE).write(replace(NOTICE, state="resolved"))
        (item,) = client.scan(TableName=TABLE)["Items"]
        assert int(item["expires"]["N"]) == int((NOW + timedelta(days=90)).timestamp())


def test_events_go_to_the_bus_in_tens_and_bear_the_finding() -> None:
    client = boto3.client("events", **CREDENTIALS)
    notices = [replace(NOTICE, id=f"{ID}/{number}") for number in range(11)]
    seen: list[dict[str, Any]] = []
    with Stubber(client) as stub:
        for _ in range(2):
            stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": ANY})
        client.meta.events.register("provide-client-params.events.PutEvents", lambda params, **_: seen.append(params))
        EventOutlet(client=client).send(notices)
        stub.assert_no_pending_responses()
    assert [len(each["Entries"]) for each in seen] == [10, 1]
    (entry,) = seen[1]["Entries"]
    assert (entry["Source"], entry["DetailType"], entry["Resources"]) == (
        "weighbridge.reconciler",
        "Weighbridge Finding",
        [ARN],
    )
    detail = json.loads(entry["Detail"])
    assert (detail["id"], detail["state"], detail["kind"]) == (f"{ID}/10", "open", "revoked")
    assert detail["severity"] == "CRITICAL"


def test_an_event_that_the_bus_did_not_take_is_an_error() -> None:
    client = boto3.client("events", **CREDENTIALS)
    entries = [{"ErrorCode": "InternalFailure", "ErrorMessage": "later"}]
    with Stubber(client) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": entries})
        with pytest.raises(CloudError, match="1 not taken: InternalFailure: later"):
            EventOutlet(client=client).send([NOTICE])


def test_security_hub_gets_what_its_model_takes() -> None:
    client = boto3.client("securityhub", **CREDENTIALS)
    with Stubber(client) as stub:
        answer = {"FailedCount": 0, "SuccessCount": 1}
        stub.add_response("batch_import_findings", answer, {"Findings": [as_finding(NOTICE, product=PRODUCT)]})
        SecurityHubOutlet(client=client, product=PRODUCT).send([NOTICE])
        stub.assert_no_pending_responses()


def test_a_finding_has_what_security_hub_asks_for_and_fits() -> None:
    long = replace(FINDING, message="m" * 5000)
    found = as_finding(replace(NOTICE, finding=long), product=PRODUCT)
    # Security Hub User Guide, "Required top-level ASFF attributes".
    required = {
        "AwsAccountId", "CreatedAt", "Description", "GeneratorId", "Id", "ProductArn", "Resources", "SchemaVersion",
        "Severity", "Title", "Types", "UpdatedAt",
    }  # fmt: skip
    assert required <= set(found)
    assert len(str(found["Description"])) == 1024
    assert len(str(found["Title"])) <= 256
    assert found["ProductArn"] == "arn:aws:securityhub:eu-central-1:111111111111:product/111111111111/default"
    assert (found["RecordState"], found["Severity"], found["Compliance"]) == (
        "ACTIVE", {"Label": "CRITICAL"}, {"Status": "FAILED"},
    )  # fmt: skip


def test_a_resolved_finding_is_archived_under_the_same_id() -> None:
    opened = as_finding(NOTICE, product=PRODUCT)
    closed = as_finding(replace(NOTICE, state="resolved", at=NOW + timedelta(days=1)), product=PRODUCT)
    assert (closed["Id"], closed["CreatedAt"]) == (opened["Id"], opened["CreatedAt"])
    assert (closed["RecordState"], closed["Compliance"]) == ("ARCHIVED", {"Status": "PASSED"})


def test_a_finding_that_security_hub_did_not_take_is_an_error() -> None:
    client = boto3.client("securityhub", **CREDENTIALS)
    failed = [{"Id": ID, "ErrorCode": "InvalidInput", "ErrorMessage": "no"}]
    with Stubber(client) as stub:
        answer = {"FailedCount": 1, "SuccessCount": 0, "FailedFindings": failed}
        stub.add_response("batch_import_findings", answer)
        with pytest.raises(CloudError, match=r"1 not taken: .*InvalidInput"):
            SecurityHubOutlet(client=client, product=PRODUCT).send([NOTICE])


def test_only_a_complete_look_counts_as_one() -> None:
    lines = []
    for found in (report(FINDING), report(FINDING, failures=("no answer",))):
        out = io.StringIO()
        show(found, environment="prod", log=JsonLog(out=out, err=out), at=NOW)
        lines.append(json.loads(out.getvalue()))
    assert [(line["RevokedRunning"], line["SevereFindings"]) for line in lines] == [(1, 1), (1, 1)]
    assert ["EndpointsChecked" in line for line in lines] == [True, False]


def test_a_run_that_could_not_look_at_everything_tells_what_it_found_and_fails() -> None:
    told, out, err = Told(), io.StringIO(), io.StringIO()
    sagemaker = FakeSageMaker(models={"model": {"PrimaryContainer": {"Image": "mine"}}})

    class Partly:
        def look(self) -> Report:
            return replace(look(sagemaker), failures=("sagemaker:DescribeEndpoint on x: Rate exceeded",))

    run = ReconcilerRun(
        environment="prod",
        reconciliation=Partly(),  # type: ignore[arg-type]
        book=MemoryBook(),
        outlets=[told],
        log=JsonLog(out=out, err=err),
        clock=lambda: NOW,
    )
    with pytest.raises(CloudError, match=r"1 could not be looked at: .*Rate exceeded"):
        run()
    assert "ungoverned" in [each.finding.kind for each in told.notices]
