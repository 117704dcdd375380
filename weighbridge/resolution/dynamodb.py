"""Acceptances in the DynamoDB table of the construct `ResolutionRecords`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError, TrustError
from weighbridge.names import ReleaseId
from weighbridge.resolution.acceptance import Acceptance, History, Mark, Scope
from weighbridge.resolution.records import acceptance_key, mark_key, partition, to_history

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


class DynamoDbAcceptances:
    """Items in `table`: partition key `pk` (S), sort key `sk` (S), attribute `record` (S, canonical JSON).

    Needs dynamodb:GetItem, PutItem and Query on the table. Every item is written once, by a conditional put.
    """

    def __init__(self, *, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, scope: Scope, release_id: ReleaseId) -> Acceptance | None:
        """See `AcceptanceStore.find`; a strongly consistent read."""
        try:
            answer = self._client.get_item(
                TableName=self._table,
                Key={"pk": {"S": partition(scope)}, "sk": {"S": acceptance_key(release_id)}},
                ConsistentRead=True,
            )
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"dynamodb:GetItem on table {self._table}: {error}") from error
        item = answer.get("Item")
        return None if item is None else Acceptance.parse(_record(item))

    def accept(self, acceptance: Acceptance) -> Acceptance:
        """See `AcceptanceStore.accept`."""
        if self._put(acceptance.scope, acceptance_key(acceptance.release_id), acceptance.to_bytes()):
            return acceptance
        return self.find(acceptance.scope, acceptance.release_id) or acceptance

    def mark(self, scope: Scope, mark: Mark) -> bool:
        """See `AcceptanceStore.mark`."""
        return self._put(scope, mark_key(mark), mark.to_bytes())

    def history(self, scope: Scope) -> History:
        """See `AcceptanceStore.history`; strongly consistent reads."""
        rows: list[tuple[str, bytes]] = []
        try:
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="#pk = :pk",
                ExpressionAttributeNames={"#pk": "pk"},
                ExpressionAttributeValues={":pk": {"S": partition(scope)}},
                ConsistentRead=True,
            )
            for page in pages:
                rows += [(item["sk"]["S"], _record(item)) for item in page["Items"]]
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"dynamodb:Query on table {self._table}: {error}") from error
        return to_history(rows)

    def _put(self, scope: Scope, key: str, data: bytes) -> bool:
        try:
            self._client.put_item(
                TableName=self._table,
                Item={"pk": {"S": partition(scope)}, "sk": {"S": key}, "record": {"S": data.decode("utf-8")}},
                ConditionExpression="attribute_not_exists(#pk)",
                ExpressionAttributeNames={"#pk": "pk"},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"dynamodb:PutItem on table {self._table}: {error}") from error
        return True


def _record(item: dict[str, AttributeValueTypeDef]) -> bytes:
    text = item.get("record", {}).get("S")
    if text is None:
        raise TrustError("acceptance: the item holds no record", rule="refused.acceptance")
    return text.encode("utf-8")
