"""An event ledger in one DynamoDB table: for an account and region, with one writer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError, ConflictError
from weighbridge.ledger.events.entry import Entry, Head, StoredEntry
from weighbridge.ledger.events.event import Event
from weighbridge.ledger.events.ledger import standing
from weighbridge.names import Digest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_CHAIN = "chain"
_ATTEMPTS = 20


class DynamoDbEvents:
    """Events in `table`: partition key `scope` (S), sort key `sequence` (N).

    Under the scope `chain` lies each entry's text (`entry`, S); under `id#EVENT_ID` and sequence 0 its number (`number`, N).
    Both are put in one transaction on condition that neither is there: two writers cannot take one number, nor put one
    event twice. Needs dynamodb:PutItem, dynamodb:GetItem and dynamodb:Query on the table; nothing ever updates or deletes.
    """

    def __init__(self, *, client: DynamoDBClient, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def append(self, *, event: Event) -> Entry:
        """See `EventLedger.append`."""
        for attempt in range(_ATTEMPTS):
            found = self.find(event_id=event.id)
            if found is not None:
                return standing(found, event=event)
            entry = Entry.after(self.head(), event=event)
            if self._put(entry):
                return entry
            self._sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 7)))  # noqa: S311
        raise ConflictError(f"event ledger {self._table}: {_ATTEMPTS} times others were first: repeat the call")

    def emit(self, *, event: Event) -> None:
        """See `EventLedger.emit`."""
        self.append(event=event)

    def find(self, *, event_id: str) -> Entry | None:
        """See `EventLedger.find`; strongly consistent reads."""
        number = self._get(f"id#{event_id}", 0, "number", "N")
        if number is None:
            return None
        data = self._get(_CHAIN, int(number), "entry", "S")
        return None if data is None else Entry.parse(data.encode())

    def head(self) -> Head | None:
        """See `EventLedger.head`; a strongly consistent read."""
        found = self._query(after=0, newest_first=True, limit=1)
        return Head(sequence=found[0].sequence, digest=Digest.of(found[0].data)) if found else None

    def stored(self, *, after: int = 0) -> Iterator[StoredEntry]:
        """See `EventLedger.stored`."""
        while page := self._query(after=after, newest_first=False, limit=None):
            yield from page
            after = page[-1].sequence

    def events(self, *, after: int = 0) -> Iterator[Entry]:
        """See `EventLedger.events`."""
        return (Entry.parse(item.data) for item in self.stored(after=after))

    def _put(self, entry: Entry) -> bool:
        marker = {"scope": {"S": f"id#{entry.event.id}"}, "sequence": {"N": "0"}, "number": {"N": str(entry.sequence)}}
        item = {
            "scope": {"S": _CHAIN},
            "sequence": {"N": str(entry.sequence)},
            "entry": {"S": entry.to_bytes().decode()},
        }
        absent = "attribute_not_exists(#scope)"
        names = {"#scope": "scope"}
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": one,
                            "ConditionExpression": absent,
                            "ExpressionAttributeNames": names,
                        }
                    }
                    for one in (item, marker)
                ]
            )
        except self._client.exceptions.TransactionCanceledException:
            return False
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"dynamodb:TransactWriteItems on table {self._table}: {error}") from error
        return True

    def _get(self, scope: str, sequence: int, attribute: str, kind: str) -> str | None:
        try:
            answer = self._client.get_item(
                TableName=self._table,
                Key={"scope": {"S": scope}, "sequence": {"N": str(sequence)}},
                ConsistentRead=True,
            )
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"dynamodb:GetItem on table {self._table}: {error}") from error
        value = answer.get("Item", {}).get(attribute)
        return None if value is None else str(dict(value)[kind])

    def _query(self, *, after: int, newest_first: bool, limit: int | None) -> list[StoredEntry]:
        try:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="#scope = :chain AND #sequence > :after",
                ExpressionAttributeNames={"#scope": "scope", "#sequence": "sequence"},
                ExpressionAttributeValues={":chain": {"S": _CHAIN}, ":after": {"N": str(after)}},
                ScanIndexForward=not newest_first,
                ConsistentRead=True,
                **({} if limit is None else {"Limit": limit}),  # type: ignore[arg-type]
            )
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"dynamodb:Query on table {self._table}: {error}") from error
        return [
            StoredEntry(
                sequence=int(item["sequence"]["N"]), data=str(dict(item.get("entry", {})).get("S", "")).encode()
            )
            for item in answer["Items"]
        ]
