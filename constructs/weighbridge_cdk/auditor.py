"""The auditor: on a schedule tells the ledger what nobody else may tell, seals it, and compares everything with what is signed."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge.metrics import AUDIT_FINDINGS, AUDITED_RELEASES
from weighbridge.names import check_name
from weighbridge.resource_names import resource_name
from weighbridge.settings.watched import KMS, ROLES
from weighbridge_cdk.acknowledgements import ANY_RESOURCE, acknowledge
from weighbridge_cdk.alarms import alarm_from_one, alarm_of_failures, alarm_of_silence
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.event_ledger import EventLedger
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.measured import measured
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.promoted_model import ChannelPin
from weighbridge_cdk.resolution_records import ResolutionRecords
from weighbridge_cdk.signing_keys import grant_describing, grant_signing, grant_verifying

FUNCTION_TIMEOUT = cdk.Duration.minutes(10)
# Whoever writes into one repository is told of within this time.
MOST_MINUTES = 15


class Auditor(Construct):
    """A function on a schedule, and `alarms`: it failed, nothing was audited, something severe was found."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment_name: str,
        connection: ArtifactoryConnection,
        channel: ChannelPin,
        records: ResolutionRecords,
        ledger: EventLedger,
        sealer_key: str,
        former_sealer_keys: Sequence[str] = (),
        watched_keys: Sequence[tuple[str, str]] = (),
        every: cdk.Duration | None = None,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the auditor.

        Args:
            environment_name: name of the environment, of its ledger, and in metrics.
            connection: the registry, as a reader of both repositories.
            channel: the channel that the environment follows, and its pinned root.
            records: what the environment accepted, and its trusted metadata.
            ledger: the ledger of events.
            sealer_key: signer URI (`awskms:KEY`) of the key that seals, which signs nothing else.
            former_sealer_keys: those that sealed before it, the newest first, by ARN or id: an alias may have moved on.
            watched_keys: role (`promoters`, say) and signer URI (`awskms:KEY`) of keys of this account and region; CloudTrail's
                signatures with them have to be explained by the ledger; default: none, and CloudTrail is not asked.
            every: time between two runs, at most 15 minutes; default: 15 minutes.
            placement: the VPC to run in; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.

        Raises:
            InputError: for more than 15 minutes, a name that cannot be one, or a watched key that is none of a channel's in KMS.
        """
        super().__init__(scope, construct_id)
        every = every or cdk.Duration.minutes(MOST_MINUTES)
        self._environment = check_name(environment_name, field="environment_name")
        if not 1 <= every.to_minutes() <= MOST_MINUTES:
            raise InputError(f"every: {every.to_human_string()}: give 1 to {MOST_MINUTES} minutes")
        for role, uri in watched_keys:
            if role not in ROLES or not uri.startswith(KMS):
                raise InputError(f"watched_keys: {role}={uri}: give a key awskms:KEY of {', '.join(ROLES)}")
        self.function = LibraryFunction(
            self,
            "Function",
            handler="auditor",
            description=f"Seals the ledger of {environment_name} and audits the channel {channel.name}",
            timeout=FUNCTION_TIMEOUT,
            environment={
                **connection.environment(),
                "WEIGHBRIDGE_ENVIRONMENT": environment_name,
                "WEIGHBRIDGE_CHANNEL": channel.name,
                "WEIGHBRIDGE_ROOT": str(channel.root_digest),
                "WEIGHBRIDGE_ACCEPTANCE_TABLE": records.acceptances.table_name,
                "WEIGHBRIDGE_METADATA_BUCKET": records.metadata.bucket_name,
                "WEIGHBRIDGE_EVENTS_TABLE": ledger.table.table_name,
                "WEIGHBRIDGE_EVENTS_BUS": ledger.bus.event_bus_name,
                "WEIGHBRIDGE_SEALS_BUCKET": ledger.seals.bucket_name,
                "WEIGHBRIDGE_SEALER_KEY": sealer_key,
                **({"WEIGHBRIDGE_FORMER_SEALER_KEYS": " ".join(former_sealer_keys)} if former_sealer_keys else {}),
                **({"WEIGHBRIDGE_WATCHED_KEYS": " ".join(map("=".join, watched_keys))} if watched_keys else {}),
            },
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        connection.grant_read(self.function.role)
        self.function.role.add_managed_policy(records.watching)
        ledger.grant_tell(self.function.role)
        ledger.grant_read(self.function.role)
        ledger.grant_seal(self.function.role)
        grant_signing(self, "Sealing", uris=(sealer_key,), role=self.function.role)
        grant_verifying(self, "FormerSeals", uris=former_sealer_keys, role=self.function.role)
        self._allow_receipts()
        if watched_keys:
            grant_describing(self, "WatchedKeys", uris=[uri for _, uri in watched_keys], role=self.function.role)
            self._allow_signatures()
        self.rule = events.Rule(
            self,
            "Schedule",
            description=f"Audits {environment_name}",
            schedule=events.Schedule.rate(every),
            targets=[targets.LambdaFunction(self.function.function)],
        )
        self.alarms = self._create_alarms()

    def _allow_receipts(self) -> None:
        prefix = resource_name("weighbridge", self._environment)
        groups = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"/aws/sagemaker/Endpoints/{prefix}-*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        policy = iam.Policy(
            self,
            "Receipts",
            statements=[iam.PolicyStatement(actions=["logs:FilterLogEvents"], resources=[groups])],
            roles=[self.function.role],
        )
        acknowledge(policy, "endpoint-logs", resource=groups)

    def _allow_signatures(self) -> None:
        policy = iam.Policy(
            self,
            "Signatures",
            statements=[iam.PolicyStatement(actions=["cloudtrail:LookupEvents"], resources=[ANY_RESOURCE])],
            roles=[self.function.role],
        )
        acknowledge(policy, "counted-signatures", resource=ANY_RESOURCE)

    def _create_alarms(self) -> tuple[cloudwatch.Alarm, ...]:
        name = self._environment
        dimensions = {"Environment": name}
        return (
            alarm_of_failures(
                self, function=self.function.function, description=f"The auditor of {name} failed: its log says why"
            ),
            alarm_of_silence(
                self,
                metric=measured(AUDITED_RELEASES, dimensions, statistic="SampleCount", period=cdk.Duration.hours(1)),
                description=f"{name} was not audited whole for an hour: the auditor's log says what it could not do",
            ),
            alarm_from_one(
                self,
                "Findings",
                metric=measured(AUDIT_FINDINGS, dimensions, statistic="Maximum", period=cdk.Duration.minutes(15)),
                description=f"Something in {name} is not what was signed: run `weighbridge audit`",
                missing=cloudwatch.TreatMissingData.IGNORE,
            ),
        )
