"""Training, registration, inspection and publication, in the environment whose channel takes registrations."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm

from constructs import Construct
from stacks.access import connect, exchange, name_roles
from stacks.alarms import notify
from stacks.governance import GovernanceStack
from stacks.retention import log_retention
from weighbridge.jobs.start import pipeline_parameter
from weighbridge.settings import EnvironmentSettings, InspectorSettings, TrainingSettings
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    GovernedTraining,
    Inspector,
    NetworkPlacement,
    Registrar,
    RegistryCredentials,
    RuntimePin,
    SdkDefaults,
    SignerUris,
    TrainingPipeline,
)


class TrainingStack(cdk.Stack):
    """The role and data of training jobs, and the state machine with its steps that takes over what they upload."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: EnvironmentSettings,
        training: TrainingSettings,
        placement: NetworkPlacement,
        governance: GovernanceStack,
        image_credentials: RegistryCredentials | None = None,
    ) -> None:
        super().__init__(scope, construct_id, description=f"weighbridge {settings.environment}: training, registrar")
        self._placement, self._image_credentials = placement, image_credentials
        jobs = self._add_jobs(settings, training=training, placement=placement)
        registrar = self._add_registrar(settings, training=training, placement=placement, governance=governance)
        self.inspector = self._add_inspector(settings, placement=placement, governance=governance)
        name_roles(settings, {"training": jobs.role, "registrar": registrar.registrar.role})
        pipeline = self._add_pipeline(settings, training=training, jobs=jobs, registrar=registrar)
        defaults = SdkDefaults(self, "SdkDefaults", environment=settings.environment, jobs=jobs)
        environment = json.dumps(dict(jobs.environment()), sort_keys=True)
        outputs = {
            "TrainingRole": (jobs.role.role_arn, "RoleArn of training jobs"),
            "TrainingData": (jobs.data.bucket_name, "Inputs below input/, SageMaker's output below output/"),
            "TrainingEnvironment": (environment, "Environment of training jobs"),
            "TrainingPipeline": (
                pipeline.state_machine.state_machine_arn,
                "State machine: train, register, inspect, publish",
            ),
            "StudioLifecycle": (
                defaults.spaces[0].attr_studio_lifecycle_config_arn,
                "Attach it to the spaces of a domain",
            ),
            "NotebookLifecycle": (
                defaults.notebooks.attr_notebook_instance_lifecycle_config_name,
                "For notebook instances",
            ),
            "Notices": (registrar.notices.topic_arn, "Subscribe to be told of jobs whose model was not registered"),
            "LostEvents": (registrar.lost_events.queue_url, "Events to send again when their cause is repaired"),
            "StatementsKey": (registrar.keys.uris.statements, "The registrar's key in the channel's policy"),
            "PromotionsKey": (registrar.keys.uris.promotions, "The registrar's key as promoter of this channel"),
            "OnlineKey": (registrar.keys.uris.timestamp, "Key of the channel's timestamp"),
        }
        for name, (value, description) in outputs.items():
            cdk.CfnOutput(self, name, value=value, description=description)

    def _add_jobs(
        self, settings: EnvironmentSettings, *, training: TrainingSettings, placement: NetworkPlacement
    ) -> GovernedTraining:
        registry, job = settings.registry, training.job
        assert registry.hub_repository is not None
        assert registry.incoming_repository is not None
        connection = self._connection(
            "TrainingAccess",
            settings=settings,
            secret_name=training.training_secret,
            description=f"Artifactory token that may read the hub proxy and write {registry.incoming_repository}",
        )
        credentials = self._image_credentials
        if job is not None and job.docker_username is not None:
            credentials = RegistryCredentials(
                self,
                "ImageCredentials",
                connection=connection,
                username=job.docker_username,
                placement=placement,
                log_retention=log_retention(settings),
            )
            name_roles(settings, {"training-images": credentials.function.role})
        return GovernedTraining(
            self,
            "Training",
            connection=connection,
            hub_repository=registry.hub_repository,
            incoming_repository=registry.incoming_repository,
            bases_repository=registry.bases_repository,
            pypi_repository=registry.setup.pypi_repository,
            placement=placement,
            compute=None if job is None else job.compute,
            image_repositories=settings.image_repositories,
            image_credentials=credentials,
        )

    def _add_pipeline(
        self, settings: EnvironmentSettings, *, training: TrainingSettings, jobs: GovernedTraining, registrar: Registrar
    ) -> TrainingPipeline:
        job = training.job
        pipeline = TrainingPipeline(
            self,
            "Pipeline",
            registrar=registrar,
            jobs=None if job is None else jobs,
            image=None if job is None else job.image,
            channels=None if job is None else job.channels,
            inspector=None if self.inspector is None else self.inspector.function,
            log_retention=log_retention(settings),
        )
        notify(self, settings=settings, alarms=[pipeline.failures])
        ssm.StringParameter(
            self,
            "PipelineParameter",
            parameter_name=pipeline_parameter(settings.environment),
            string_value=pipeline.state_machine.state_machine_arn,
            description="The state machine that `weighbridge train start` starts",
        )
        return pipeline

    def _add_registrar(
        self,
        settings: EnvironmentSettings,
        *,
        training: TrainingSettings,
        placement: NetworkPlacement,
        governance: GovernanceStack,
    ) -> Registrar:
        assert settings.registry.incoming_repository is not None
        return Registrar(
            self,
            "Registrar",
            environment=settings.environment,
            connection=self._connection(
                "RegistrarAccess",
                settings=settings,
                secret_name=training.registrar_secret,
                description=f"Artifactory token that may read uploads and write the channel {settings.channel.name}",
            ),
            incoming_repository=settings.registry.incoming_repository,
            bases_repository=settings.registry.bases_repository,
            channel=ChannelPin(name=settings.channel.name, root_digest=settings.channel.root_digest),
            runtime=RuntimePin(image=training.runtime_image, lock=training.runtime_lock),
            sequences=governance.sequences,
            sequences_key=governance.records.encryption_key,
            signer_uris=_signer_uris(settings),
            listens=False,
            ledger=governance.ledger,
            placement=placement,
            log_retention=log_retention(settings),
        )

    def _add_inspector(
        self, settings: EnvironmentSettings, *, placement: NetworkPlacement, governance: GovernanceStack
    ) -> Inspector | None:
        secret = None if exchange(settings) else f"weighbridge/{settings.environment}/artifactory-inspector"
        key, asked = None, InspectorSettings(secret=secret)
        if settings.trust is not None:
            if settings.trust.inspector is None:
                return None
            asked, key = settings.trust.inspector, settings.trust.keys.inspector
            secret = asked.secret
        inspector = Inspector(
            self,
            "Inspector",
            environment=settings.environment,
            connection=self._connection(
                "InspectorAccess",
                settings=settings,
                secret_name=secret,
                description=f"Artifactory token that may read {settings.channel.name} and write the inspector's statements",
            ),
            channel=settings.channel.name,
            signer_uri=key,
            ledger=governance.ledger,
            scanner=asked.scanner,
            memory_mib=asked.memory_mib,
            storage_mib=asked.storage_mib,
            placement=placement,
            log_retention=log_retention(settings),
        )
        name_roles(settings, {"inspector": inspector.inspector.role})
        cdk.CfnOutput(
            self,
            "InspectorFunction",
            value=inspector.function.function_name,
            description="Inspects a registered release",
        )
        cdk.CfnOutput(
            self,
            "InspectionsKey",
            value=inspector.signer_uri,
            description="The inspector's key in every channel's policy",
        )
        return inspector

    def _connection(
        self, name: str, *, settings: EnvironmentSettings, secret_name: str | None, description: str
    ) -> ArtifactoryConnection:
        return connect(
            self,
            name,
            settings=settings,
            secret_name=secret_name,
            placement=self._placement,
            description=description,
        )


def _signer_uris(settings: EnvironmentSettings) -> SignerUris | None:
    if settings.trust is None:
        return None
    keys = settings.trust.keys
    return SignerUris(
        statements=keys.registrar, promotions=keys.promoters[0], snapshot=keys.snapshot, timestamp=keys.timestamp
    )
