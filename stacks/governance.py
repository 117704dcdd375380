"""What the environment remembers: accepted releases, trusted metadata, allotted sequence numbers."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb

from constructs import Construct
from weighbridge.settings import EnvironmentSettings
from weighbridge_cdk import ResolutionRecords


class GovernanceStack(cdk.Stack):
    """Offers `records` and `sequences`."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: EnvironmentSettings) -> None:
        super().__init__(scope, construct_id, description=f"weighbridge {settings.environment}: governance")
        self.records = ResolutionRecords(self, "Records")
        self.sequences = dynamodb.Table(
            self,
            "Sequences",
            partition_key=dynamodb.Attribute(name="scope", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sequence", type=dynamodb.AttributeType.NUMBER),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.records.encryption_key,
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        cdk.CfnOutput(
            self,
            "SequencesTable",
            value=self.sequences.table_name,
            description="Where promotions get their sequence numbers",
        )
