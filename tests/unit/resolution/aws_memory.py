"""The table and the bucket of the construct `ResolutionRecords`, in moto."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from moto import mock_aws

from tests.atomic_calls import atomic

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

REGION = "eu-central-1"
TABLE = "acceptances"
BUCKET = "trusted-metadata"


@dataclass(frozen=True)
class AwsMemory:
    """Clients of the emulated services."""

    dynamodb: DynamoDBClient
    s3: S3Client


@contextmanager
def aws_memory() -> Iterator[AwsMemory]:
    """Create table and bucket; credentials are the caller's business."""
    with mock_aws():
        dynamodb = atomic(boto3.client("dynamodb", region_name=REGION))
        dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        s3 = atomic(boto3.client("s3", region_name=REGION))
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield AwsMemory(dynamodb=dynamodb, s3=s3)
