"""One model of one environment: the promoted release, its endpoint, and the watcher of its rollouts."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm

from constructs import Construct
from stacks.access import name_roles
from stacks.alarms import notify
from stacks.retention import log_retention
from stacks.serving import add_serving
from weighbridge.settings import EnvironmentSettings, ModelSettings
from weighbridge.settings.roles import endpoint_part, resolver_part
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    EndpointDashboard,
    NetworkPlacement,
    PromotedModel,
    RegistryCredentials,
    ReleaseWatcher,
    ResolutionRecords,
    VariantScaling,
)


def release_parameter_name(*, environment: str, model: str) -> str:
    """Return the SSM parameter that holds the release id; it is seeded by the first promotion, outside any template."""
    return f"/weighbridge/{environment}/{model}/release-id"


class InferenceStack(cdk.Stack):
    """Serves the release that the SSM parameter names."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: EnvironmentSettings,
        model: ModelSettings,
        placement: NetworkPlacement,
        connection: ArtifactoryConnection,
        records: ResolutionRecords,
        image_credentials: RegistryCredentials | None = None,
    ) -> None:
        super().__init__(
            scope, construct_id, description=f"weighbridge {settings.environment}: endpoint of {model.name}"
        )
        parameter_name = release_parameter_name(environment=settings.environment, model=model.name)
        release_id = cdk.CfnParameter(
            self,
            "ReleaseId",
            type="AWS::SSM::Parameter::Value<String>",
            default=parameter_name,
            description="SSM parameter with the release id, read anew at every deployment",
        )
        retention = log_retention(settings)
        promoted = PromotedModel(
            self,
            "PromotedModel",
            model_name=model.name,
            release_id=release_id.value_as_string,
            instance_type=model.endpoint.instance_type,
            image_cuda=model.endpoint.cuda,
            channel=ChannelPin(name=settings.channel.name, root_digest=settings.channel.root_digest),
            connection=connection,
            records=records,
            placement=placement,
            log_retention=retention,
        )
        endpoint = add_serving(
            self,
            settings=settings,
            model=model,
            promoted=promoted,
            placement=placement,
            image_credentials=image_credentials,
        )
        scaling = endpoint.scaling
        more = [scaling.alarm] if isinstance(scaling, VariantScaling) else []
        shown = EndpointDashboard(self, "Dashboard", environment_name=settings.environment, serving=endpoint)
        notify(self, settings=settings, alarms=[promoted.alarm, *more, *shown.alarms])
        roles = {resolver_part(model): promoted.resolver.role, endpoint_part(model): endpoint.execution_role.role}
        name_roles(settings, roles)
        ReleaseWatcher(
            self,
            "ReleaseWatcher",
            channel_name=settings.channel.name,
            model_name=model.name,
            release_parameter=ssm.StringParameter.from_string_parameter_name(self, "Parameter", parameter_name),
            records=records,
            log_retention=retention,
        )
        cdk.CfnOutput(self, "EndpointName", value=endpoint.endpoint_name, description="Send requests here")
        cdk.CfnOutput(self, "ReleaseReference", value=promoted.release_reference, description="What is served")
