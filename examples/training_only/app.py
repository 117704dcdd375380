"""Governed training jobs and nothing else: models are registered and served elsewhere. Its README says what to change."""

from __future__ import annotations

import aws_cdk as cdk
import cdk_nag
from aws_cdk import aws_secretsmanager as secretsmanager

from constructs import Construct
from weighbridge.jobs import Compute
from weighbridge_cdk import (
    ArtifactoryConnection,
    GovernedModelChecks,
    GovernedTraining,
    PrivateNetwork,
    Repositories,
    SdkDefaults,
)

ACCOUNT, REGION = "555555555555", "eu-central-1"


class Laboratory(cdk.Stack):
    """A private network, what training jobs need, and the SageMaker SDK's defaults for the people who start them."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, env=cdk.Environment(account=ACCOUNT, region=REGION))
        network = PrivateNetwork(
            self, "Network", cidr="10.60.0.0/16", availability_zones=["eu-central-1a", "eu-central-1b"]
        )
        network.add_registry_service(
            "com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0", host="registry.example.com"
        )
        secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:laboratory/artifactory-training-a1b2c3"
        jobs = GovernedTraining(
            self,
            "Training",
            connection=ArtifactoryConnection(
                self,
                "Artifactory",
                url="https://registry.example.com/artifactory",
                repositories=Repositories(models="ml-dev-models", records="ml-dev-records"),
                secret=secretsmanager.Secret.from_secret_complete_arn(self, "Token", secret),
            ),
            hub_repository="huggingface-remote",
            incoming_repository="ml-incoming",
            placement=network.placement,
            compute=Compute(
                instance_type="ml.g5.12xlarge",
                instance_count=2,
                spot=True,
                checkpoints=True,
                max_runtime_seconds=24 * 3600,
                max_wait_seconds=48 * 3600,
            ),
            image_repositories=[f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/training"],
        )
        SdkDefaults(self, "SdkDefaults", environment="laboratory", jobs=jobs)
        cdk.CfnOutput(self, "Role", value=jobs.role.role_arn)
        cdk.CfnOutput(self, "Data", value=jobs.data.bucket_name)


app = cdk.App(analytics_reporting=False)
Laboratory(app, "laboratory")
cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(), GovernedModelChecks())
app.synth()
