"""What an environment shows of itself: one dashboard over all of its models, and an alarm on releases that wait."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_logs as logs

from constructs import Construct
from stacks.alarms import notify
from weighbridge.settings import EnvironmentSettings
from weighbridge_cdk import EnvironmentDashboard, ShownModel, resource_name


class ObservabilityStack(cdk.Stack):
    """Reads metrics alone; every endpoint has a dashboard of its own in its stack."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: EnvironmentSettings,
        running_log: logs.ILogGroup | None,
    ) -> None:
        super().__init__(scope, construct_id, description=f"weighbridge {settings.environment}: observability")
        found = EnvironmentDashboard(
            self,
            "Environment",
            environment_name=settings.environment,
            channel_name=settings.channel.name,
            models=[
                ShownModel(
                    name=model.name, endpoint_name=resource_name("weighbridge", settings.environment, model.name)
                )
                for model in settings.models
            ],
            has_queue=settings.guard.reconciler.enabled and settings.guard.reconciler.queue is not None,
            running_log=running_log,
        )
        notify(self, settings=settings, alarms=found.alarms)
        cdk.CfnOutput(self, "Dashboard", value=found.dashboard.dashboard_name, description="All of the environment")
