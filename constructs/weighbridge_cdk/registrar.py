"""The registrar: when a training job ends, register what it uploaded and publish it, or tell its owner why not."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns

from constructs import Construct
from weighbridge.names import Digest
from weighbridge_cdk.acknowledgements import acknowledge
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.event_ledger import EventLedger
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.promoted_model import ChannelPin
from weighbridge_cdk.retained import dead_letter_queue, retained_key
from weighbridge_cdk.signing_keys import SignerUris, SigningKeys

# Weights are read back as a stream and copied inside the registry, so neither memory nor disk grows with them; CPU, which
# Lambda gives in proportion to memory (1,769 MiB is one core), bounds the hashing, and Lambda's own limit the time.
FUNCTION_TIMEOUT = cdk.Duration.minutes(15)
MEMORY_MIB = 1769


@dataclass(frozen=True, slots=True)
class RuntimePin:
    """What registered models are served with: the inference image `HOST/PATH@sha256:HEX`, and its lock file's digest."""

    image: str
    lock: Digest


class Registrar(Construct):
    """A function on the end of training jobs, its keys, a topic for those whose job failed, a queue for lost events.

    Jobs that are not weighbridge's (see weighbridge.training.completion) are left alone.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: str,
        connection: ArtifactoryConnection,
        incoming_repository: str,
        channel: ChannelPin,
        runtime: RuntimePin,
        sequences: dynamodb.ITable,
        sequences_key: kms.IKey | None = None,
        bases_repository: str | None = None,
        signer_uris: SignerUris | None = None,
        listens: bool = True,
        ledger: EventLedger | None = None,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the registrar.

        Args:
            environment: name of the environment whose release ids are set (`/weighbridge/ENVIRONMENT/MODEL/release-id`).
            connection: the registry, with the token of the registrar's own identity.
            incoming_repository: where training jobs upload.
            channel: the first channel, into which registered releases are published.
            runtime: what registered models are served with.
            sequences: where promotions get their numbers; partition key `scope` (S), sort key `sequence` (N).
            sequences_key: the customer-managed key of that table, if it has one.
            bases_repository: admitted base models: no release of another one is registered; default: any base model.
            signer_uris: the keys to sign with; default: new ones.
            listens: whether the end of a job calls the function at once; false where a `TrainingPipeline` does.
            ledger: the ledger that is told what is registered and promoted; default: none.
            placement: the VPC to run in; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.
        """
        super().__init__(scope, construct_id)
        self.keys = SigningKeys(self, "Keys", existing=signer_uris)
        self.notices = self._create_topic()
        self.lost_events = dead_letter_queue(self, "LostEvents")
        self.registrar = LibraryFunction(
            self,
            "Function",
            handler="registrar",
            description=f"Registers what training jobs uploaded to {incoming_repository}, publishes it to {channel.name}",
            timeout=FUNCTION_TIMEOUT,
            memory_size=MEMORY_MIB,
            environment={
                **connection.environment(),
                **self.keys.environment(),
                "WEIGHBRIDGE_ENVIRONMENT": environment,
                "WEIGHBRIDGE_INCOMING_REPOSITORY": incoming_repository,
                **({} if bases_repository is None else {"WEIGHBRIDGE_BASES_REPOSITORY": bases_repository}),
                "WEIGHBRIDGE_CHANNEL": channel.name,
                "WEIGHBRIDGE_ROOT": str(channel.root_digest),
                "WEIGHBRIDGE_RUNTIME_IMAGE": runtime.image,
                "WEIGHBRIDGE_RUNTIME_LOCK": str(runtime.lock),
                "WEIGHBRIDGE_SEQUENCES_TABLE": sequences.table_name,
                "WEIGHBRIDGE_NOTICES_TOPIC": self.notices.topic_arn,
                **({} if ledger is None else {"WEIGHBRIDGE_EVENTS_BUS": ledger.bus.event_bus_name}),
            },
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        self.registrar.function.configure_async_invoke(
            retry_attempts=2, on_failure=destinations.SqsDestination(self.lost_events)
        )
        connection.grant_read(self.registrar.role)
        if ledger is not None:
            ledger.grant_tell(self.registrar.role)
        self.keys.grant_sign(self.registrar.role)
        self._allow_publishing(sequences, sequences_key)
        self._allow_reading_jobs()
        self._allow_release_ids(environment)
        self.rule = self._create_rule() if listens else None

    def _create_topic(self) -> sns.Topic:
        self.notices_key = retained_key(
            self, "NoticesKey", description="Encrypts notices to the owners of training jobs"
        )
        return sns.Topic(self, "Notices", master_key=self.notices_key, enforce_ssl=True)

    def _allow_publishing(self, sequences: dynamodb.ITable, sequences_key: kms.IKey | None) -> None:
        self.registrar.allow("sns:Publish", resources=[self.notices.topic_arn])
        self.registrar.allow("kms:Decrypt", "kms:GenerateDataKey", resources=[self.notices_key.key_arn])
        self.registrar.allow("dynamodb:GetItem", "dynamodb:PutItem", resources=[sequences.table_arn])
        if sequences_key is not None:
            self.registrar.allow("kms:Decrypt", "kms:DescribeKey", resources=[sequences_key.key_arn])

    def _allow_reading_jobs(self) -> None:
        jobs = cdk.Stack.of(self).format_arn(service="sagemaker", resource="training-job", resource_name="*")
        self.registrar.allow("sagemaker:DescribeTrainingJob", "sagemaker:ListTags", resources=[jobs])
        acknowledge(self.registrar.role, "any-training-job", resource=jobs)

    def _allow_release_ids(self, environment: str) -> None:
        parameters = cdk.Stack.of(self).format_arn(
            service="ssm", resource="parameter", resource_name=f"weighbridge/{environment}/*/release-id"
        )
        self.registrar.allow("ssm:GetParameter", "ssm:PutParameter", resources=[parameters])
        acknowledge(self.registrar.role, "release-parameters", resource=parameters)

    def _create_rule(self) -> events.Rule:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
        return events.Rule(
            self,
            "Ended",
            description="A training job ended",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Training Job State Change"],
                detail={"TrainingJobStatus": ["Completed", "Failed", "Stopped"]},
            ),
            targets=[
                targets.LambdaFunction(
                    self.registrar.function,
                    dead_letter_queue=self.lost_events,
                    retry_attempts=185,
                    max_event_age=cdk.Duration.hours(24),
                )
            ],
        )
