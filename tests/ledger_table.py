"""The DynamoDB table of a ledger: sequence ledgers and event ledgers have the same keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def create_ledger_table(client: DynamoDBClient, *, name: str) -> None:
    """Create the table `name`."""
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "scope", "KeyType": "HASH"}, {"AttributeName": "sequence", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "scope", "AttributeType": "S"},
            {"AttributeName": "sequence", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
