"""One environment: network, registry, governance, guard, training where it has any, one inference stack per model, and what shows them."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_logs as logs

from constructs import Construct
from stacks.governance import GovernanceStack
from stacks.guard import GuardStack
from stacks.inference import InferenceStack
from stacks.network import NetworkStack
from stacks.observability import ObservabilityStack
from stacks.registry import RegistryStack
from stacks.training import TrainingStack
from weighbridge.settings import EnvironmentSettings
from weighbridge_cdk.naming import slug


class EnvironmentStage(cdk.Stage):
    """All stacks of one environment. Stack names are `weighbridge-ENV-network` and so on."""

    def __init__(self, scope: Construct, *, settings: EnvironmentSettings) -> None:
        super().__init__(
            scope,
            f"weighbridge-{settings.environment}",
            env=cdk.Environment(account=settings.account, region=settings.region),
        )
        network = NetworkStack(self, "network", settings=settings)
        registry = RegistryStack(self, "registry", settings=settings, placement=network.placement)
        governance = GovernanceStack(
            self, "governance", settings=settings, placement=network.placement, connection=registry.connection
        )
        if settings.training is not None:
            TrainingStack(
                self,
                "training",
                settings=settings,
                training=settings.training,
                placement=network.placement,
                governance=governance,
                image_credentials=registry.image_credentials,
            )
        for model in settings.models:
            InferenceStack(
                self,
                f"inference-{slug(model.name)}",
                settings=settings,
                model=model,
                placement=network.placement,
                connection=registry.connection,
                records=governance.records,
                image_credentials=registry.image_credentials,
            )
        running_log: logs.ILogGroup | None = None
        if settings.guard.admission != "off" or settings.guard.reconciler.enabled:
            guard = GuardStack(
                self,
                "guard",
                settings=settings,
                placement=network.placement,
                connection=registry.connection,
                records=governance.records,
            )
            running_log = None if guard.reconciler is None else guard.reconciler.function.log_group
        ObservabilityStack(self, "observability", settings=settings, running_log=running_log)
        cdk.Tags.of(self).add("weighbridge:environment", settings.environment)
