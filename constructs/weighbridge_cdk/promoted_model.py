"""The promoted release of a model, resolved while the stack is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from constructs import Construct
from weighbridge.metrics import RESOLUTION_ALARMS
from weighbridge.names import Digest, check_name
from weighbridge_cdk.alarms import alarm_from_one
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.measured import measured
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.resolution_records import ResolutionRecords

RESOURCE_TYPE = "Custom::WeighbridgePromotedModel"
FUNCTION_TIMEOUT = cdk.Duration.minutes(2)
# Lambda repeats a crashed asynchronous call twice, after one and two minutes; CloudFormation waits for all three.
SERVICE_TIMEOUT = cdk.Duration.minutes(10)


@dataclass(frozen=True, slots=True)
class ChannelPin:
    """A channel and the digest of the TUF root that it is verified from."""

    name: str
    root_digest: Digest


class PromotedModel(Construct):
    """A custom resource whose attributes describe the release that a promotion names; its Lambda verifies the chain.

    The release id is the only thing that moves a model: infrastructure changes never do, and a stack's rollback brings
    the old id, and with it the old release, back. `alarm` rings when a resolution, or the watcher of rollouts, met something
    that it must not refuse and somebody has to look at (weighbridge.resolution.alarms).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model_name: str,
        release_id: str,
        instance_type: str,
        image_cuda: str | None = None,
        channel: ChannelPin,
        connection: ArtifactoryConnection,
        records: ResolutionRecords | None = None,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the custom resource and its function.

        Args:
            model_name: name of the model in the channel.
            release_id: `SEQUENCE@sha256:PROMOTION_DIGEST`, best the value of an SSM-typed template parameter.
            instance_type: SageMaker instance type that the release has to fit.
            image_cuda: CUDA version that the runtime image is built with, such as `12.8`: the oldest host image of
                SageMaker that runs it is chosen; default: the newest that the instance type takes.
            channel: where the promotion is published, and the pinned root.
            connection: the registry.
            records: what is remembered of resolutions; default: a table and a bucket of its own.
            placement: the VPC to resolve from; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.

        Raises:
            InputError: when `model_name` is not a legal name.
        """
        super().__init__(scope, construct_id)
        self.model_name = check_name(model_name, field="model_name")
        self.release_id = release_id
        self.instance_type = instance_type
        self.channel = channel
        self.connection = connection
        self.records = records or ResolutionRecords(self, "Records")
        self.resolver = LibraryFunction(
            self,
            "Resolver",
            handler="resolver",
            description=f"Resolves and verifies the promoted release of {model_name}",
            timeout=FUNCTION_TIMEOUT,
            environment=self._function_environment(),
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        connection.grant_read(self.resolver.function)
        self.resolver.role.add_managed_policy(self.records.remembering)
        self._resource = cdk.CustomResource(
            self,
            "Release",
            resource_type=RESOURCE_TYPE,
            service_token=self.resolver.function.function_arn,
            service_timeout=SERVICE_TIMEOUT,
            properties={
                "ModelName": model_name,
                "ReleaseId": release_id,
                "InstanceType": instance_type,
                **({} if image_cuda is None else {"ImageCuda": image_cuda}),
            },
        )
        # Rights and routes are needed for Delete and for the rollback's Update too.
        self._resource.node.add_dependency(self.resolver)
        self.alarm = alarm_from_one(
            self,
            "Alarm",
            metric=measured(RESOLUTION_ALARMS, {"Channel": channel.name, "Model": model_name}),
            description=f"{model_name} in {channel.name}: look for level=alarm in the resolver's log",
        )

    def _function_environment(self) -> dict[str, str]:
        return {
            **self.connection.environment(),
            "WEIGHBRIDGE_CHANNEL": self.channel.name,
            "WEIGHBRIDGE_ROOT": str(self.channel.root_digest),
            "WEIGHBRIDGE_ACCEPTANCE_TABLE": self.records.acceptances.table_name,
            "WEIGHBRIDGE_METADATA_BUCKET": self.records.metadata.bucket_name,
        }

    @property
    def version(self) -> str:
        """The release's version."""
        return self._resource.get_att_string("Version")

    @property
    def release_digest(self) -> str:
        """`sha256:HEX` of release.json."""
        return self._resource.get_att_string("ReleaseDigest")

    @property
    def release_reference(self) -> str:
        """`HOST/REPOSITORY/NAME:VERSION@sha256:RELEASE_DIGEST`."""
        return self._resource.get_att_string("ReleaseReference")

    @property
    def image_uri(self) -> str:
        """The release's runtime image, by digest."""
        return self._resource.get_att_string("ImageUri")

    @property
    def weights_bytes(self) -> str:
        """Sum of the sizes of all files that a container loads, in bytes."""
        return self._resource.get_att_string("WeightsBytes")

    @property
    def promotion_sequence(self) -> str:
        """The promotion's number in the channel."""
        return self._resource.get_att_string("PromotionSequence")

    @property
    def promoted_at(self) -> str:
        """When it was promoted, RFC 3339 in UTC."""
        return self._resource.get_att_string("PromotedAt")

    @property
    def floor(self) -> str:
        """Versions of signed metadata below which the container must not go."""
        return self._resource.get_att_string("Floor")

    @property
    def startup_timeout_seconds(self) -> float:
        """How long the container may take until /ping answers, 60 to 3600."""
        return cdk.Token.as_number(self._resource.get_att("StartupTimeoutSeconds"))

    @property
    def volume_size_in_gb(self) -> float:
        """Size of the instance's volume, 1 to 512; only for instance types without disks of their own."""
        return cdk.Token.as_number(self._resource.get_att("VolumeSizeInGB"))

    @property
    def inference_ami_version(self) -> str:
        """SageMaker's host image with the driver that the runtime image needs; only for accelerated instances."""
        return self._resource.get_att_string("InferenceAmiVersion")

    def container_environment(self) -> Mapping[str, str]:
        """Return the environment of a container that verifies, pulls and serves this release."""
        return {
            **self.connection.environment(),
            "WEIGHBRIDGE_CHANNEL": self.channel.name,
            "WEIGHBRIDGE_ROOT": str(self.channel.root_digest),
            "WEIGHBRIDGE_RELEASE": self.release_reference,
            "WEIGHBRIDGE_PROMOTION": self.release_id,
            "WEIGHBRIDGE_FLOOR": self.floor,
        }
