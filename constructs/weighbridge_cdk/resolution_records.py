"""What an environment remembers of resolutions: accepted release ids, and the last trusted metadata of its channel."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from constructs import Construct
from weighbridge_cdk.acknowledgements import acknowledge
from weighbridge_cdk.retained import retained_bucket, retained_key, retained_table


class ResolutionRecords(Construct):
    """A table of acceptances and a versioned bucket of trusted TUF metadata, under one key. Both outlive the stack."""

    def __init__(self, scope: Construct, construct_id: str, *, encryption_key: kms.IKey | None = None) -> None:
        """Create the records.

        Args:
            encryption_key: key for both; default: a new one.
        """
        super().__init__(scope, construct_id)
        self.encryption_key = encryption_key or retained_key(
            self, description="Encrypts what is remembered of resolutions"
        )
        self.acceptances = retained_table(
            self,
            "Acceptances",
            partition_key="pk",
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            encryption_key=self.encryption_key,
        )
        self.metadata = retained_bucket(
            self, "Metadata", encryption_key=self.encryption_key, acknowledged="metadata-access-in-cloudtrail"
        )
        # Rights are written where what they are about lies, so that another stack imports one name, not four.
        self.remembering: iam.IManagedPolicy = self._create_remembering()
        self.marking: iam.IManagedPolicy = self._create_marking()
        self.reading: iam.IManagedPolicy = self._create_reading()
        self.watching: iam.IManagedPolicy = self._create_watching()

    def _create_remembering(self) -> iam.ManagedPolicy:
        objects = self.metadata.arn_for_objects("*")
        policy = iam.ManagedPolicy(
            self,
            "Remembering",
            description="Read and add acceptances and trusted metadata; delete nothing",
            statements=[
                iam.PolicyStatement(
                    actions=[
                        "dynamodb:ConditionCheckItem",
                        "dynamodb:GetItem",
                        "dynamodb:PutItem",
                        "dynamodb:Query",
                        "dynamodb:UpdateItem",
                    ],
                    resources=[self.acceptances.table_arn],
                ),
                # Without ListBucket a missing object would look like a forbidden one.
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.metadata.bucket_arn]),
                iam.PolicyStatement(actions=["s3:GetObject", "s3:PutObject"], resources=[objects]),
                iam.PolicyStatement(
                    actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
                    resources=[self.encryption_key.key_arn],
                ),
            ],
        )
        acknowledge(policy, "metadata-objects", resource=objects)
        return policy

    def _create_marking(self) -> iam.ManagedPolicy:
        return iam.ManagedPolicy(
            self,
            "Marking",
            description="Read acceptances and mark failed ones; delete nothing",
            statements=[
                iam.PolicyStatement(
                    actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
                    resources=[self.acceptances.table_arn],
                ),
                iam.PolicyStatement(
                    actions=["kms:Decrypt", "kms:DescribeKey"], resources=[self.encryption_key.key_arn]
                ),
            ],
        )

    def _create_reading(self) -> iam.ManagedPolicy:
        return iam.ManagedPolicy(
            self,
            "Reading",
            description="Read acceptances; write nothing",
            statements=self._reading_statements(),
        )

    def _create_watching(self) -> iam.ManagedPolicy:
        objects = self.metadata.arn_for_objects("*")
        policy = iam.ManagedPolicy(
            self,
            "Watching",
            description="Read acceptances, read and renew trusted metadata; delete nothing",
            statements=[
                *self._reading_statements("kms:GenerateDataKey"),
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.metadata.bucket_arn]),
                iam.PolicyStatement(actions=["s3:GetObject", "s3:PutObject"], resources=[objects]),
            ],
        )
        acknowledge(policy, "metadata-objects", resource=objects)
        return policy

    def _reading_statements(self, *key_actions: str) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(actions=["dynamodb:GetItem", "dynamodb:Query"], resources=[self.acceptances.table_arn]),
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:DescribeKey", *key_actions], resources=[self.encryption_key.key_arn]
            ),
        ]
