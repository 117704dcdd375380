"""The reconciler: compares on a schedule what runs with what was accepted, and tells what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from weighbridge.admission import Pins
from weighbridge.errors import InputError
from weighbridge.metrics import ENDPOINTS_CHECKED, REVOKED_RUNNING, SEVERE_FINDINGS
from weighbridge.names import check_name
from weighbridge.reconciliation import Product
from weighbridge.reconciliation.events import SOURCE
from weighbridge_cdk.acknowledgements import ANY_RESOURCE, acknowledge
from weighbridge_cdk.alarms import alarm_from_one, alarm_of_failures, alarm_of_silence
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.measured import measured
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.promoted_model import ChannelPin
from weighbridge_cdk.resolution_records import ResolutionRecords

FUNCTION_TIMEOUT = cdk.Duration.minutes(10)
# A revoked release may run this long before somebody is told.
MOST_MINUTES = 15
_DESCRIBED = {
    "DescribeEndpoint": "endpoint",
    "DescribeEndpointConfig": "endpoint-config",
    "DescribeInferenceComponent": "inference-component",
    "DescribeModel": "model",
}


@dataclass(frozen=True, slots=True)
class SourceRecords:
    """The channel before, of which the reconciler reads metadata: who waits there for promotion is counted."""

    channel: ChannelPin
    records_repository: str


class Reconciler(Construct):
    """A function on a schedule, a table of findings, and `alarms`: it failed, nothing was looked at, findings, a revoked release.

    It changes nothing: findings are events (source `weighbridge.reconciler`) and, if wished, findings of Security Hub.
    Whoever wants more than an alarm adds a target to a rule on those events.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment_name: str,
        connection: ArtifactoryConnection,
        channel: ChannelPin,
        records: ResolutionRecords,
        every: cdk.Duration | None = None,
        behind: cdk.Duration | None = None,
        security_hub: bool = False,
        except_endpoints: Sequence[str] = (),
        models: Sequence[str] = (),
        source: SourceRecords | None = None,
        encryption_key: kms.IKey | None = None,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the reconciler.

        Args:
            environment_name: name of the environment, in findings and metrics.
            connection: the registry, as a reader.
            channel: the channel that the environment follows, and its pinned root.
            records: what the environment accepted, and its trusted metadata.
            every: time between two looks, at most 15 minutes; default: 15 minutes.
            behind: how long a newer release may be promoted before an endpoint counts as behind; default: 14 days.
            security_hub: whether findings are imported into Security Hub, which has to be enabled in the account.
            except_endpoints: names of endpoints that are not looked at, `*` and `?` allowed.
            models: of the environment, whose queue before the channel is counted.
            source: the channel that promotions come from, which the connection's identity may read; default: nobody
                counts the queue.
            encryption_key: key of the table of findings; default: that of the records.
            placement: the VPC to run in; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.

        Raises:
            InputError: for more than 15 minutes, or a name that cannot be one.
        """
        super().__init__(scope, construct_id)
        every = every or cdk.Duration.minutes(MOST_MINUTES)
        self._environment = check_name(environment_name, field="environment_name")
        if not 1 <= every.to_minutes() <= MOST_MINUTES:
            raise InputError(f"every: {every.to_human_string()}: give 1 to {MOST_MINUTES} minutes")
        if any("," in name or not name for name in except_endpoints):
            raise InputError("except_endpoints: a name is empty or holds ',': give names of endpoints")
        key = encryption_key or records.encryption_key
        self.findings = self._create_table(key)
        product = Product(partition=cdk.Aws.PARTITION, region=cdk.Aws.REGION, account=cdk.Aws.ACCOUNT_ID)
        pins = Pins(channel=channel.name, root=channel.root_digest, registry_url=connection.url)
        self.function = LibraryFunction(
            self,
            "Function",
            handler="reconciler",
            description=f"Compares what runs in {environment_name} with what was accepted",
            timeout=FUNCTION_TIMEOUT,
            environment={
                **connection.environment(),
                **pins.variables(),
                "WEIGHBRIDGE_ENVIRONMENT": environment_name,
                "WEIGHBRIDGE_ACCEPTANCE_TABLE": records.acceptances.table_name,
                "WEIGHBRIDGE_METADATA_BUCKET": records.metadata.bucket_name,
                "WEIGHBRIDGE_FINDINGS_TABLE": self.findings.table_name,
                "WEIGHBRIDGE_BEHIND_DAYS": str(int((behind or cdk.Duration.days(14)).to_days())),
                **({"WEIGHBRIDGE_EXCEPT_ENDPOINTS": ",".join(except_endpoints)} if except_endpoints else {}),
                **_queue(models, source),
                **({"WEIGHBRIDGE_SECURITY_HUB_PRODUCT": product.arn} if security_hub else {}),
            },
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        connection.grant_read(self.function.role)
        self.function.role.add_managed_policy(records.watching)
        self._allow_looking()
        self._allow_telling(key, product if security_hub else None)
        self.rule = events.Rule(
            self,
            "Schedule",
            description=f"Compares what runs in {environment_name} with what was accepted",
            schedule=events.Schedule.rate(every),
            targets=[targets.LambdaFunction(self.function.function)],
        )
        self.alarms = self._create_alarms()

    def _create_table(self, key: kms.IKey) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "Findings",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="expires",
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            # What is told is made of what runs: a lost table only means that it is told again.
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def _allow_looking(self) -> None:
        stack = cdk.Stack.of(self)
        arns = {
            action: stack.format_arn(service="sagemaker", resource=kind, resource_name="*")
            for action, kind in _DESCRIBED.items()
        }
        policy = iam.Policy(
            self,
            "Looking",
            statements=[
                iam.PolicyStatement(
                    actions=["sagemaker:ListEndpoints", "sagemaker:ListInferenceComponents"], resources=["*"]
                ),
                *(
                    iam.PolicyStatement(actions=[f"sagemaker:{action}"], resources=[arn])
                    for action, arn in arns.items()
                ),
            ],
            roles=[self.function.role],
        )
        acknowledge(policy, "lists-of-endpoints", resource=ANY_RESOURCE)
        for arn in arns.values():
            acknowledge(policy, "what-anybody-made", resource=arn)

    def _allow_telling(self, key: kms.IKey, product: Product | None) -> None:
        bus = cdk.Stack.of(self).format_arn(service="events", resource="event-bus", resource_name="default")
        self.function.role.add_to_policy(
            iam.PolicyStatement(
                actions=["events:PutEvents"], resources=[bus], conditions={"StringEquals": {"events:source": SOURCE}}
            )
        )
        self.function.allow("dynamodb:PutItem", "dynamodb:Query", resources=[self.findings.table_arn])
        self.function.allow("kms:Decrypt", "kms:DescribeKey", resources=[key.key_arn])
        if product is not None:
            self.function.allow("securityhub:BatchImportFindings", resources=[product.arn])

    def _create_alarms(self) -> tuple[cloudwatch.Alarm, ...]:
        name = self._environment
        found = {
            "Revoked": (
                REVOKED_RUNNING,
                f"A revoked release runs in {name}: promote another version and deploy it (docs/guard.md)",
            ),
            "Severe": (
                SEVERE_FINDINGS,
                f"Something runs in {name} that the supply chain does not know: see the reconciler's log",
            ),
        }
        dimensions = {"Environment": name}
        return (
            alarm_of_failures(
                self,
                function=self.function.function,
                description=f"The reconciler of {name} failed: its log says why; what it could not look at is not known",
            ),
            alarm_of_silence(
                self,
                metric=measured(ENDPOINTS_CHECKED, dimensions, statistic="SampleCount", period=cdk.Duration.hours(1)),
                description=f"Nothing that runs in {name} was looked at for an hour: repair the reconciler; its log says why",
            ),
            *(
                alarm_from_one(
                    self,
                    construct_id,
                    metric=measured(metric, dimensions, statistic="Maximum", period=cdk.Duration.minutes(15)),
                    description=description,
                    missing=cloudwatch.TreatMissingData.IGNORE,
                )
                for construct_id, (metric, description) in found.items()
            ),
        )


def _queue(models: Sequence[str], source: SourceRecords | None) -> dict[str, str]:
    if source is None:
        return {}
    return {
        "WEIGHBRIDGE_MODELS": ",".join(check_name(name, field="models") for name in models),
        "WEIGHBRIDGE_SOURCE_CHANNEL": source.channel.name,
        "WEIGHBRIDGE_SOURCE_ROOT": str(source.channel.root_digest),
        "WEIGHBRIDGE_SOURCE_RECORDS_REPOSITORY": source.records_repository,
    }
