"""What a governed training job needs: a role that can sign nothing, a place for its data, and the request that starts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from constructs import Construct
from weighbridge.canonical import JsonObject
from weighbridge.errors import InputError
from weighbridge.jobs.compute import Compute
from weighbridge.jobs.proxies import proxy_environment
from weighbridge.jobs.request import (
    CHECKPOINTS,
    INPUT,
    OUTPUT,
    TrainingPlatform,
    governed_request,
)
from weighbridge_cdk.acknowledgements import ANY_RESOURCE, acknowledge
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.container_rights import allow_images, allow_network_interfaces
from weighbridge_cdk.egress import container_variables
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.registry_credentials import RegistryCredentials
from weighbridge_cdk.retained import retained_bucket, retained_key


class GovernedTraining(Construct):
    """A role for training jobs, and a bucket: inputs are read below `input/`, SageMaker's output goes below `output/`,
    checkpoints below `checkpoints/`.

    Weights do not go there: the job uploads them to the registry, and a pointer alone stays for SageMaker. The role
    reads the token of the jobs' own registry identity; it may use no signing key and reach nobody else's secret. Jobs run
    in the VPC and never under network isolation, which would cut them off from the registry.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        connection: ArtifactoryConnection,
        hub_repository: str,
        incoming_repository: str,
        pypi_repository: str | None = None,
        bases_repository: str | None = None,
        placement: NetworkPlacement | None = None,
        compute: Compute | None = None,
        image_repositories: Sequence[str] = (),
        image_credentials: RegistryCredentials | None = None,
    ) -> None:
        """Create role, bucket and key.

        Args:
            connection: the registry, with the token of the jobs' identity.
            hub_repository: the Hugging Face proxy that base models come from.
            incoming_repository: where jobs upload.
            pypi_repository: the PyPI proxy that pip uses in jobs; default: pip is told nothing.
            bases_repository: admitted base models; default: jobs pull from the proxy.
            placement: the VPC that jobs run in; default: they run in none.
            compute: what jobs run on; jobs of several instances get a security group among themselves, and those with
                checkpoints may read and write them. Default: one instance, no checkpoints.
            image_repositories: ECR repositories that training images may be pulled from.
            image_credentials: how images are pulled from a Docker repository of the registry instead.

        Raises:
            InputError: when an entry of `image_repositories` is not an ECR repository.
        """
        super().__init__(scope, construct_id)
        self._connection = connection
        self._repositories = (hub_repository, incoming_repository, pypi_repository)
        self._bases = {} if bases_repository is None else {"WEIGHBRIDGE_BASES_REPOSITORY": bases_repository}
        self._placement = placement
        self._compute = compute
        self._image_credentials = image_credentials
        self.encryption_key = retained_key(self, description="Encrypts training data and the volumes of training jobs")
        self.data = retained_bucket(
            self,
            "Data",
            encryption_key=self.encryption_key,
            acknowledged="training-data-access-in-cloudtrail",
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
            ),
            description="Governed training jobs",
        )
        connection.grant_read(self.role)
        self._allow_data()
        self._allow_logs()
        allow_images(self, role=self.role, repositories=image_repositories)
        if compute is not None and compute.checkpoints:
            self._allow_checkpoints()
        if image_credentials is not None:
            image_credentials.grant_use(self.role)
        if placement is not None:
            self._placement = placement = self._among_themselves(placement)
            allow_network_interfaces(self, role=self.role, placement=placement)
        self._egress = container_variables(self, egress=placement.egress if placement else None, role=self.role)

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables that a job needs; none is a secret."""
        hub, incoming, pypi = self._repositories
        proxies = proxy_environment(registry_url=self._connection.url, hub_repository=hub, pypi_repository=pypi)
        return {
            **proxies,
            "WEIGHBRIDGE_REGISTRY_URL": self._connection.url,
            "WEIGHBRIDGE_HUB_REPOSITORY": hub,
            "WEIGHBRIDGE_INCOMING_REPOSITORY": incoming,
            **self._bases,
            **self._connection.token_variables(),
            **self._egress,
        }

    def platform(self) -> TrainingPlatform:
        """Return what the platform decides for every job.

        Raises:
            InputError: rule `input.training-request`, without a `placement`: governed jobs run in a VPC.
        """
        if self._placement is None:
            raise InputError(
                f"{self.node.path}: has no placement: give the VPC that jobs run in", rule="input.training-request"
            )
        credentials = self._image_credentials
        return TrainingPlatform(
            role=self.role.role_arn,
            subnets=tuple(self._placement.subnet_ids),
            security_groups=tuple(self._placement.security_group_ids),
            bucket=self.data.bucket_name,
            key=self.encryption_key.key_arn,
            environment=self.environment(),
            image_credentials=None if credentials is None else credentials.function.function.function_arn,
        )

    def request(self, *, image: str) -> JsonObject:
        """Return the part of CreateTrainingJob that no run may change; see `weighbridge.jobs.request`.

        Args:
            image: `HOST/PATH@sha256:HEX`.

        Raises:
            InputError: without `placement` or `compute`, or for an image by tag.
        """
        return governed_request(platform=self.platform(), compute=self.compute, image=image)

    @property
    def compute(self) -> Compute:
        """What jobs run on.

        Raises:
            InputError: rule `input.training-request`, when it was not given.
        """
        if self._compute is None:
            raise InputError(f"{self.node.path}: has no compute: say what jobs run on", rule="input.training-request")
        return self._compute

    def _allow_data(self) -> None:
        inputs, outputs = (self.data.arn_for_objects(f"{prefix}*") for prefix in (INPUT, OUTPUT))
        statements = [
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.data.bucket_arn]),
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[inputs]),
            iam.PolicyStatement(actions=["s3:AbortMultipartUpload", "s3:PutObject"], resources=[outputs]),
            iam.PolicyStatement(
                actions=["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
                resources=[self.encryption_key.key_arn],
            ),
        ]
        policy = iam.Policy(self, "TrainingData", statements=statements, roles=[self.role])
        for objects in (inputs, outputs):
            acknowledge(policy, "training-data-objects", resource=objects)

    def _allow_checkpoints(self) -> None:
        objects = self.data.arn_for_objects(f"{CHECKPOINTS}*")
        statement = iam.PolicyStatement(
            actions=["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], resources=[objects]
        )
        policy = iam.Policy(self, "Checkpoints", statements=[statement], roles=[self.role])
        acknowledge(policy, "training-data-objects", resource=objects)

    def _among_themselves(self, placement: NetworkPlacement) -> NetworkPlacement:
        """Let the instances of one job speak with each other: all traffic, as encryption between them and EFA need.

        https://docs.aws.amazon.com/sagemaker/latest/dg/train-encrypt.html
        """
        if self._compute is None or self._compute.instance_count == 1:
            return placement
        group = ec2.SecurityGroup(
            self, "Workers", vpc=placement.vpc, allow_all_outbound=False, description="Instances of training jobs"
        )
        group.add_ingress_rule(group, ec2.Port.all_traffic(), "The other instances of a job")
        group.add_egress_rule(group, ec2.Port.all_traffic(), "The other instances of a job")
        return replace(placement, security_groups=(*placement.security_groups, group))

    def _allow_logs(self) -> None:
        group = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/sagemaker/TrainingJobs",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        streams = f"{group}:log-stream:*"
        actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        statements = [
            iam.PolicyStatement(actions=actions, resources=[group, streams]),
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=[ANY_RESOURCE],
                conditions={"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}},
            ),
        ]
        policy = iam.Policy(self, "Logs", statements=statements, roles=[self.role])
        acknowledge(policy, "training-logs", resource=streams)
        acknowledge(policy, "training-metrics", resource=ANY_RESOURCE)
