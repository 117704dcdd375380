"""What outlives its stack: tables, buckets and queues that hold what cannot be made again, and the keys for them."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from constructs import Construct
from weighbridge_cdk.acknowledgements import acknowledge


def retained_key(scope: Construct, construct_id: str = "Key", *, description: str) -> kms.Key:
    """Create a symmetric key that KMS rotates."""
    return kms.Key(
        scope,
        construct_id,
        enable_key_rotation=True,
        description=description,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def retained_bucket(
    scope: Construct,
    construct_id: str,
    *,
    encryption_key: kms.IKey,
    acknowledged: str,
    object_lock: s3.ObjectLockRetention | None = None,
) -> s3.Bucket:
    """Create a private, versioned bucket; `acknowledged` is the reason (of `acknowledge`) why it has no server access log."""
    bucket = s3.Bucket(
        scope,
        construct_id,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=encryption_key,
        bucket_key_enabled=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        object_lock_default_retention=object_lock,
        enforce_ssl=True,
        versioned=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    acknowledge(bucket, acknowledged)
    return bucket


def retained_table(
    scope: Construct,
    construct_id: str,
    *,
    partition_key: str,
    sort_key: dynamodb.Attribute,
    encryption_key: kms.IKey,
) -> dynamodb.Table:
    """Create a table that is protected from deletion and can be restored to any second of the last 35 days.

    `partition_key` is the name of a string.
    """
    return dynamodb.Table(
        scope,
        construct_id,
        partition_key=dynamodb.Attribute(name=partition_key, type=dynamodb.AttributeType.STRING),
        sort_key=sort_key,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryption_key=encryption_key,
        deletion_protection=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def dead_letter_queue(scope: Construct, construct_id: str, *, fifo: bool = False) -> sqs.Queue:
    """Create a queue that keeps what nobody took for 14 days, the most that SQS does."""
    queue = sqs.Queue(
        scope,
        construct_id,
        fifo=True if fifo else None,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    acknowledge(queue, "is-a-dead-letter-queue")
    return queue
