"""The ledger of events: a bus to tell it, a queue, the one function that chains, the table, and the bucket of its seals."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from constructs import Construct
from weighbridge.ledger.events.sinks import DETAIL_TYPE, SOURCE
from weighbridge.metrics import GLASS_BROKEN
from weighbridge.names import check_name
from weighbridge.resource_names import resource_name
from weighbridge_cdk.acknowledgements import acknowledge
from weighbridge_cdk.alarms import alarm_from_one, alarm_of_failures
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.measured import measured
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.retained import dead_letter_queue, retained_bucket, retained_key, retained_table

FUNCTION_TIMEOUT = cdk.Duration.minutes(1)
# Lambda asks for six times the function's timeout: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY = cdk.Duration.minutes(6)
RECEIVES = 5
_GROUP = "ledger"


class EventLedger(Construct):
    """Producers put events on `bus`; one message group of a FIFO queue keeps them in order before the one writer.

    Nobody may update or delete in the table, and its writer alone may put. Seals are kept by Object Lock in governance mode.
    Table, bucket, queues and key outlive the stack. `alarms`: the writer failed, an event was lost, or somebody broke the glass.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment_name: str,
        encryption_key: kms.IKey | None = None,
        keep_seals: cdk.Duration | None = None,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the ledger.

        Args:
            environment_name: name of the environment; the bus is `weighbridge-ENVIRONMENT-ledger`.
            encryption_key: key of table and bucket; default: a new one.
            keep_seals: how long Object Lock keeps a seal; default: 10 years.
            placement: the VPC to run in; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.
        """
        super().__init__(scope, construct_id)
        self._environment = check_name(environment_name, field="environment_name")
        self.encryption_key = encryption_key or retained_key(
            self, description="Encrypts the ledger of events and its seals"
        )
        self.bus = events.EventBus(self, "Bus", event_bus_name=resource_name("weighbridge", environment_name, "ledger"))
        self.table = retained_table(
            self,
            "Events",
            partition_key="scope",
            sort_key=dynamodb.Attribute(name="sequence", type=dynamodb.AttributeType.NUMBER),
            encryption_key=self.encryption_key,
        )
        self.seals = retained_bucket(
            self,
            "Seals",
            encryption_key=self.encryption_key,
            acknowledged="metadata-access-in-cloudtrail",
            object_lock=s3.ObjectLockRetention.governance(keep_seals or cdk.Duration.days(3650)),
        )
        self.lost_events = dead_letter_queue(self, "LostEvents")
        self.unwritten = dead_letter_queue(self, "Unwritten", fifo=True)
        self.queue = sqs.Queue(
            self,
            "Queue",
            fifo=True,
            content_based_deduplication=True,
            visibility_timeout=VISIBILITY,
            retention_period=cdk.Duration.days(14),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.unwritten, max_receive_count=RECEIVES),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self._create_rule()
        self.writer = LibraryFunction(
            self,
            "Writer",
            handler="ledger_writer",
            description=f"Chains the events of {environment_name}",
            timeout=FUNCTION_TIMEOUT,
            environment={
                "WEIGHBRIDGE_ENVIRONMENT": environment_name,
                "WEIGHBRIDGE_EVENTS_TABLE": self.table.table_name,
            },
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        self.writer.allow("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", resources=[self.table.table_arn])
        self.writer.allow("kms:Decrypt", "kms:DescribeKey", resources=[self.encryption_key.key_arn])
        self.writer.function.add_event_source(sources.SqsEventSource(self.queue, report_batch_item_failures=True))
        self.alarms = self._create_alarms()

    def grant_tell(self, role: iam.IRole) -> None:
        """Let `role` put events of the ledger on the bus, and nothing else."""
        grant_telling(self.bus, role)

    def grant_read(self, role: iam.IRole) -> None:
        """Let `role` read entries and seals."""
        for statement in (
            iam.PolicyStatement(actions=["dynamodb:GetItem", "dynamodb:Query"], resources=[self.table.table_arn]),
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.seals.bucket_arn]),
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[self._seal_objects]),
            iam.PolicyStatement(actions=["kms:Decrypt", "kms:DescribeKey"], resources=[self.encryption_key.key_arn]),
        ):
            role.add_to_principal_policy(statement)
        acknowledge(role, "seals-by-number", resource=self._seal_objects)

    def grant_seal(self, role: iam.IRole) -> None:
        """Let `role` add seals; Object Lock keeps what is there."""
        role.add_to_principal_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=[self._seal_objects]))
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["kms:GenerateDataKey"], resources=[self.encryption_key.key_arn])
        )
        acknowledge(role, "seals-by-number", resource=self._seal_objects)

    @property
    def _seal_objects(self) -> str:
        return self.seals.arn_for_objects("seals/*")

    def _create_rule(self) -> events.Rule:
        return events.Rule(
            self,
            "Told",
            event_bus=self.bus,
            description="Hands events of the ledger to its writer",
            event_pattern=events.EventPattern(source=[SOURCE], detail_type=[DETAIL_TYPE]),
            targets=[
                targets.SqsQueue(
                    self.queue,
                    message=events.RuleTargetInput.from_event_path("$.detail"),
                    message_group_id=_GROUP,
                    dead_letter_queue=self.lost_events,
                )
            ],
        )

    def _create_alarms(self) -> tuple[cloudwatch.Alarm, ...]:
        name = self._environment
        return (
            alarm_of_failures(
                self,
                function=self.writer.function,
                description=f"The ledger's writer of {name} failed: its log says why; events wait in the queue",
            ),
            *(
                alarm_from_one(
                    self,
                    f"{queue.node.id}Alarm",
                    metric=queue.metric_approximate_number_of_messages_visible(
                        period=cdk.Duration.minutes(15), statistic="Maximum"
                    ),
                    description=f"Events of {name} are not in the ledger: see the queue {queue.node.id}, put them again",
                )
                for queue in (self.lost_events, self.unwritten)
            ),
            alarm_from_one(
                self,
                "GlassBroken",
                metric=measured(GLASS_BROKEN, {"Environment": name}, period=cdk.Duration.minutes(1)),
                description=f"Gates of {name} are waived, or a promotion used a waiver: `weighbridge ledger show`, "
                "kind break-glass, says who and why",
            ),
        )


def grant_telling(bus: events.IEventBus, role: iam.IRole) -> None:
    """Let `role` put events of the ledger on `bus`, the one before a ledger, and nothing else."""
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["events:PutEvents"],
            resources=[bus.event_bus_arn],
            conditions={"StringEquals": {"events:source": SOURCE, "events:detail-type": DETAIL_TYPE}},
        )
    )
