"""The book of findings: which were told, so that each is told once, and again when it changes or a day has passed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, cast

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError
from weighbridge.reconciliation.findings import Finding, FindingKind, Report
from weighbridge.reconciliation.notice import Notice, Outlet
from weighbridge.trust.times import parse_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REMIND = timedelta(days=1)
# Resolved findings are forgotten after this long, by the table's time to live.
KEEP = timedelta(days=90)


class FindingBook(Protocol):
    """Remembers the last notice of each finding."""

    def open(self, environment: str) -> Mapping[str, Notice]:
        """Return the open findings by id."""
        ...

    def write(self, notice: Notice) -> None:
        """Remember a notice."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """What one run told: ids of findings that are new, told again, and resolved."""

    opened: tuple[str, ...]
    repeated: tuple[str, ...]
    resolved: tuple[str, ...]


def settle(report: Report, *, environment: str, book: FindingBook, outlets: Sequence[Outlet], now: datetime) -> Settled:
    """Tell what is new, changed or a day old, and what is resolved; then remember it.

    Told first, remembered then: a run that breaks off in between is repeated, and tells the same ids once more.

    Raises:
        CloudError: when the book or an outlet did not take it.
    """
    known = book.open(environment)
    found = {each.id(environment=environment): each for each in report.findings}
    due = [
        Notice(key, environment, finding, "open", known[key].first_seen if key in known else now, now)
        for key, finding in found.items()
        if key not in known or known[key].finding != finding or now - known[key].at >= REMIND
    ]
    gone = [
        Notice(key, environment, last.finding, "resolved", last.first_seen, now)
        for key, last in known.items()
        if key not in found and last.finding.endpoint not in report.held
    ]
    for outlet in outlets:
        outlet.send([*due, *gone])
    for notice in (*due, *gone):
        book.write(notice)
    return Settled(
        opened=tuple(each.id for each in due if each.id not in known),
        repeated=tuple(each.id for each in due if each.id in known),
        resolved=tuple(each.id for each in gone),
    )


class DynamoDbFindings:
    """Items in `table`: partition key `pk` (S, the environment), sort key `sk` (S, the finding's id), `record` (S, JSON),
    `state` (S), and for resolved ones `expires` (N, seconds since 1970, the table's time to live).

    Needs dynamodb:Query and PutItem. Two runs at once at worst tell a finding twice.
    """

    def __init__(self, *, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def open(self, environment: str) -> Mapping[str, Notice]:
        """See `FindingBook.open`; strongly consistent.

        Raises:
            CloudError: when DynamoDB refuses, or an item is not one of weighbridge.
        """
        try:
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="#pk = :pk",
                FilterExpression="#state = :open",
                ExpressionAttributeNames={"#pk": "pk", "#state": "state"},
                ExpressionAttributeValues={":pk": {"S": environment}, ":open": {"S": "open"}},
                ConsistentRead=True,
            )
            items = [item for page in pages for item in page["Items"]]
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"dynamodb:Query on table {self._table}: {error}") from error
        return {each.id: each for each in (_parse(item["record"]["S"]) for item in items)}

    def write(self, notice: Notice) -> None:
        """See `FindingBook.write`.

        Raises:
            CloudError: when DynamoDB refuses.
        """
        record = json.dumps(notice.fields(), ensure_ascii=False, sort_keys=True)
        item = {"pk": {"S": notice.environment}, "sk": {"S": notice.id}, "record": {"S": record}}
        item["state"] = {"S": notice.state}
        try:
            if notice.state == "resolved":
                expires = {"N": str(int((notice.at + KEEP).timestamp()))}
                self._client.put_item(TableName=self._table, Item={**item, "expires": expires})
            else:
                self._client.put_item(TableName=self._table, Item=item)
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"dynamodb:PutItem on table {self._table}: {error}") from error


def _parse(record: str) -> Notice:
    try:
        found = json.loads(record)
        finding = Finding(
            kind=cast(FindingKind, found["kind"]),
            endpoint=str(found["endpoint"]),
            arn=str(found["endpoint_arn"]),
            place=str(found["place"]),
            message=str(found["message"]),
            release=found["release"],
        )
        return Notice(
            id=str(found["id"]),
            environment=str(found["environment"]),
            finding=finding,
            state="open",
            first_seen=parse_time(found["first_seen"], field="first_seen"),
            at=parse_time(found["at"], field="at"),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CloudError(f"table of findings: an item is not one of weighbridge: {error}") from error
