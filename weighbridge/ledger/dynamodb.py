"""A sequence ledger in one DynamoDB table: for channels with publishers on several machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError
from weighbridge.ledger.checks import check_claim, conflict
from weighbridge.names import Digest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDbLedger:
    """Claims in `table`: partition key `scope` (S), sort key `sequence` (N), attribute `digest` (S).

    Needs dynamodb:PutItem and dynamodb:GetItem on the table. A claim is one conditional put, which DynamoDB evaluates
    atomically per item (Developer Guide, "Condition expressions").
    """

    def __init__(self, *, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, *, scope: str, sequence: int, digest: Digest) -> None:
        """See `SequenceLedger.claim`.

        Raises:
            CloudError: when DynamoDB refuses or does not answer.
        """
        check_claim(scope=scope, sequence=sequence)
        try:
            self._client.put_item(
                TableName=self._table,
                Item={"scope": {"S": scope}, "sequence": {"N": str(sequence)}, "digest": {"S": digest.hex}},
                ConditionExpression="attribute_not_exists(#scope) OR #digest = :digest",
                ExpressionAttributeNames={"#scope": "scope", "#digest": "digest"},
                ExpressionAttributeValues={":digest": {"S": digest.hex}},
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            held = self.claimed(scope=scope, sequence=sequence)
            raise conflict(scope=scope, sequence=sequence, digest=digest, held=held or digest) from error
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"dynamodb:PutItem on table {self._table}: {error}") from error

    def claimed(self, *, scope: str, sequence: int) -> Digest | None:
        """See `SequenceLedger.claimed`; a strongly consistent read.

        Raises:
            CloudError: when DynamoDB refuses or does not answer.
        """
        check_claim(scope=scope, sequence=sequence)
        try:
            answer = self._client.get_item(
                TableName=self._table,
                Key={"scope": {"S": scope}, "sequence": {"N": str(sequence)}},
                ConsistentRead=True,
            )
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"dynamodb:GetItem on table {self._table}: {error}") from error
        item = answer.get("Item")
        return None if item is None else Digest(item["digest"]["S"])
