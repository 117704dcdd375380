"""What a governed training job needs: a role that can sign nothing, a place for its data, and its environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs import Construct
from weighbridge_cdk.acknowledgements import ANY_RESOURCE, acknowledge
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.container_rights import allow_images, allow_network_interfaces
from weighbridge_cdk.network import NetworkPlacement

INPUT = "input/"
OUTPUT = "output/"


class GovernedTraining(Construct):
    """A role for training jobs, and a bucket: inputs are read below `input/`, SageMaker's output goes below `output/`.

    Weights do not go there: the job uploads them to the registry, and a pointer alone stays for SageMaker. The role
    reads the token of the jobs' own registry identity; it may use no signing key and reach nobody else's secret.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        connection: ArtifactoryConnection,
        hub_repository: str,
        incoming_repository: str,
        placement: NetworkPlacement | None = None,
        image_repositories: Sequence[str] = (),
    ) -> None:
        """Create role, bucket and key.

        Args:
            connection: the registry, with the token of the jobs' identity.
            hub_repository: the Hugging Face proxy that base models come from.
            incoming_repository: where jobs upload.
            placement: the VPC that jobs run in; default: they run in none.
            image_repositories: ECR repositories that training images may be pulled from.

        Raises:
            InputError: when an entry of `image_repositories` is not an ECR repository.
        """
        super().__init__(scope, construct_id)
        self._connection = connection
        self._repositories = (hub_repository, incoming_repository)
        self.encryption_key = kms.Key(
            self,
            "Key",
            enable_key_rotation=True,
            description="Encrypts training data and the volumes of training jobs",
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.data = s3.Bucket(
            self,
            "Data",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.encryption_key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        acknowledge(self.data, "training-data-access-in-cloudtrail")
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
        if placement is not None:
            allow_network_interfaces(self, role=self.role, placement=placement)

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables that a job needs; none is a secret."""
        hub, incoming = self._repositories
        return {
            "WEIGHBRIDGE_REGISTRY_URL": self._connection.url,
            "WEIGHBRIDGE_HUB_REPOSITORY": hub,
            "WEIGHBRIDGE_INCOMING_REPOSITORY": incoming,
            **self._connection.token_variables(),
        }

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
