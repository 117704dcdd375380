"""The keeper of a channel: signs snapshot and timestamp anew on a schedule, and alarms before anything expires."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from constructs import Construct
from weighbridge.metrics import HOURS_UNTIL_EXPIRY, HOURS_UNTIL_RENEWAL
from weighbridge_cdk.alarms import alarm_of_failures
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.measured import measured
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.promoted_model import ChannelPin
from weighbridge_cdk.signing_keys import grant_signing

FUNCTION_TIMEOUT = cdk.Duration.minutes(5)
# Metadata is signed for seven days (weighbridge.trust.Expiries): three are left to repair what keeps the keeper from it.
LEAST_HOURS = 72
# People renew the other roles once a year, with keys that are not at hand.
LEAST_HOURS_OF_OWNERS = 30 * 24


class ChannelKeeper(Construct):
    """A function on a schedule, and three `alarms`: it failed, the channel expires soon or is unmeasured, a role needs renewal.

    The function may sign with the online keys and claim versions of the snapshot, nothing else. Its registry token may read
    the records repository and write its folder `tuf/` (docs/architecture.md).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        connection: ArtifactoryConnection,
        channel: ChannelPin,
        snapshot_key: str,
        timestamp_key: str,
        sequences: dynamodb.ITable,
        sequences_key: kms.IKey | None = None,
        every: cdk.Duration | None = None,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the keeper.

        Args:
            connection: the registry, with the token of the keeper's own identity.
            channel: the channel, and the pinned root.
            snapshot_key: signer URI (`awskms:KEY`) of the snapshot.
            timestamp_key: signer URI of the timestamp; may be the same.
            sequences: where versions are claimed, the one table of all who publish in the channel.
            sequences_key: the customer-managed key of that table, if it has one.
            every: time between two runs, at most 12 hours; default: 12 hours.
            placement: the VPC to run in; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.
        """
        super().__init__(scope, construct_id)
        self._channel = channel.name
        self.keeper = LibraryFunction(
            self,
            "Function",
            handler="channel_keeper",
            description=f"Signs snapshot and timestamp of the channel {channel.name} anew",
            timeout=FUNCTION_TIMEOUT,
            environment={
                **connection.environment(),
                "WEIGHBRIDGE_CHANNEL": channel.name,
                "WEIGHBRIDGE_ROOT": str(channel.root_digest),
                "WEIGHBRIDGE_SNAPSHOT_KEY": snapshot_key,
                "WEIGHBRIDGE_TIMESTAMP_KEY": timestamp_key,
                "WEIGHBRIDGE_SEQUENCES_TABLE": sequences.table_name,
            },
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        connection.grant_read(self.keeper.role)
        grant_signing(self, "Signing", uris=(snapshot_key, timestamp_key), role=self.keeper.role)
        self._allow_claims(sequences, sequences_key)
        self.rule = events.Rule(
            self,
            "Schedule",
            description=f"Signs the channel {channel.name} anew",
            schedule=events.Schedule.rate(every or cdk.Duration.hours(12)),
            targets=[targets.LambdaFunction(self.keeper.function)],
        )
        failures = alarm_of_failures(
            self,
            function=self.keeper.function,
            description=f"The keeper of {self._channel} failed: its log says why; Lambda repeats it twice",
        )
        self.alarms = (failures, self._alarm_of_expiry(), self._alarm_of_renewal())

    def _allow_claims(self, sequences: dynamodb.ITable, key: kms.IKey | None) -> None:
        self.keeper.role.add_to_policy(
            iam.PolicyStatement(
                actions=["dynamodb:GetItem", "dynamodb:PutItem"],
                resources=[sequences.table_arn],
                conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [f"{self._channel}#snapshot"]}},
            )
        )
        if key is not None:
            self.keeper.allow("kms:Decrypt", "kms:DescribeKey", resources=[key.key_arn])

    def _alarm_of_expiry(self) -> cloudwatch.Alarm:
        return self._alarm_of_hours(
            "Expiry",
            metric=HOURS_UNTIL_EXPIRY,
            least=LEAST_HOURS,
            missing=cloudwatch.TreatMissingData.BREACHING,
            description=f"{self._channel} expires soon, or nobody has measured for a day: nothing can be resolved or loaded "
            "from an expired channel; repair the keeper, or run `weighbridge channel refresh`",
        )

    def _alarm_of_renewal(self) -> cloudwatch.Alarm:
        return self._alarm_of_hours(
            "Renewal",
            metric=HOURS_UNTIL_RENEWAL,
            least=LEAST_HOURS_OF_OWNERS,
            missing=cloudwatch.TreatMissingData.IGNORE,
            description=f"A role of {self._channel} expires within 30 days: the keeper's log names it (renew_first); "
            "its owner signs it anew with `weighbridge channel renew`, or rotates the root",
        )

    def _alarm_of_hours(
        self, name: str, *, metric: str, least: int, missing: cloudwatch.TreatMissingData, description: str
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            name,
            metric=measured(metric, {"Channel": self._channel}, statistic="Minimum", period=cdk.Duration.days(1)),
            threshold=least,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=missing,
            alarm_description=description,
        )
