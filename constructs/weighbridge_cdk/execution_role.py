"""The role of a serving container: read the token, pull its image, write its log, join its VPC; nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs import Construct
from weighbridge_cdk.acknowledgements import acknowledge
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.container_rights import allow_images, allow_network_interfaces
from weighbridge_cdk.network import NetworkPlacement


class ExecutionRole(Construct):
    """What SageMaker assumes to start a container, and the container's own identity."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        connection: ArtifactoryConnection,
        placement: NetworkPlacement,
        encryption_key: kms.IKey,
        image_repositories: Sequence[str] = (),
        component_name: str | None = None,
    ) -> None:
        """Create the role.

        Args:
            endpoint_name: whose log group may be written.
            connection: whose token may be read.
            placement: where network interfaces may be created.
            encryption_key: key of the volumes.
            image_repositories: ECR repositories that may be pulled from.
            component_name: the inference component whose log group may be written too, if there is one.

        Raises:
            InputError: when an entry of `image_repositories` is not an ECR repository.
        """
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
            ),
            description=f"Containers of the endpoint {endpoint_name}",
        )
        connection.grant_read(self.role)
        encryption_key.grant(self.role, "kms:CreateGrant", "kms:DescribeKey")
        self._allow_logs(f"/aws/sagemaker/Endpoints/{endpoint_name}", name="Logs")
        if component_name is not None:
            self._allow_logs(f"/aws/sagemaker/InferenceComponents/{component_name}", name="ComponentLogs")
        allow_network_interfaces(self, role=self.role, placement=placement)
        allow_images(self, role=self.role, repositories=image_repositories)

    def allow_reading(self, alarm: cloudwatch.IAlarm) -> None:
        """Let SageMaker look at `alarm` while it shifts traffic."""
        self.role.add_to_policy(iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=[alarm.alarm_arn]))

    def allow_capture(self, *, bucket: s3.IBucket, key: kms.IKey, prefix: str) -> None:
        """Let requests and answers be recorded below `prefix` of `bucket`, encrypted with `key`."""
        below = bucket.arn_for_objects(f"{prefix}/*")
        statements = [
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[below]),
            iam.PolicyStatement(actions=["kms:Encrypt", "kms:GenerateDataKey"], resources=[key.key_arn]),
        ]
        policy = iam.Policy(self, "Capture", statements=statements, roles=[self.role])
        acknowledge(policy, "captured-requests", resource=below)

    def _allow_logs(self, log_group: str, *, name: str) -> None:
        group = self._arn("logs", "log-group", log_group, colon=True)
        streams = f"{group}:log-stream:*"
        actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        statement = iam.PolicyStatement(actions=actions, resources=[group, streams])
        policy = iam.Policy(self, name, statements=[statement], roles=[self.role])
        acknowledge(policy, "log-streams", resource=streams)

    def _arn(self, service: str, resource: str, name: str, *, colon: bool = False) -> str:
        return cdk.Stack.of(self).format_arn(
            service=service,
            resource=resource,
            resource_name=name,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME if colon else cdk.ArnFormat.SLASH_RESOURCE_NAME,
        )
