"""What an environment remembers of resolutions: accepted release ids, and the last trusted metadata of its channel."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs import Construct
from weighbridge_cdk.acknowledgements import acknowledge


class ResolutionRecords(Construct):
    """A table of acceptances and a versioned bucket of trusted TUF metadata, under one key. Both outlive the stack."""

    def __init__(self, scope: Construct, construct_id: str, *, encryption_key: kms.IKey | None = None) -> None:
        """Create the records.

        Args:
            encryption_key: key for both; default: a new one.
        """
        super().__init__(scope, construct_id)
        self.encryption_key = encryption_key or kms.Key(
            self,
            "Key",
            enable_key_rotation=True,
            description="Encrypts what is remembered of resolutions",
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.acceptances = dynamodb.Table(
            self,
            "Acceptances",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.encryption_key,
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.metadata = s3.Bucket(
            self,
            "Metadata",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.encryption_key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        acknowledge(self.metadata, "metadata-access-in-cloudtrail")

    def grant_remember(self, grantee: iam.IGrantable) -> None:
        """Let `grantee` read and add acceptances and trusted metadata; nothing may be deleted."""
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=[
                "dynamodb:ConditionCheckItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ],
            resource_arns=[self.acceptances.table_arn],
        )
        iam.Grant.add_to_principal(grantee=grantee, actions=["s3:ListBucket"], resource_arns=[self.metadata.bucket_arn])
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["s3:GetObject", "s3:PutObject"],
            resource_arns=[self.metadata.arn_for_objects("*")],
        )
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
            resource_arns=[self.encryption_key.key_arn],
        )

    def grant_mark(self, grantee: iam.IGrantable) -> None:
        """Let `grantee` read acceptances and mark a failed one."""
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
            resource_arns=[self.acceptances.table_arn],
        )
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["kms:Decrypt", "kms:DescribeKey"],
            resource_arns=[self.encryption_key.key_arn],
        )
