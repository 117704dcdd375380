"""One governed endpoint in a VPC that exists. Its README says what to change."""

from __future__ import annotations

import aws_cdk as cdk
import cdk_nag
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm

from constructs import Construct
from weighbridge.names import Digest
from weighbridge_cdk import (
    ArtifactoryConnection,
    ChannelPin,
    GovernedEndpoint,
    GovernedModelChecks,
    NetworkPlacement,
    PromotedModel,
    ReleaseWatcher,
    Repositories,
    resource_name,
)

ACCOUNT, REGION = "444444444444", "eu-central-1"
ZONES = ("eu-central-1a", "eu-central-1b")
CHANNEL = ChannelPin(
    name="prod",
    root_digest=Digest.parse("sha256:9cecd7de7fec1047d00806d655cb06bee5df6ed8c5ce50c31e15ac3d0a3ba398"),
)
RELEASE_ID = "/sentences/release-id"


class Sentences(cdk.Stack):
    """The endpoint, what it remembers, and the watcher of its rollouts."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, env=cdk.Environment(account=ACCOUNT, region=REGION))
        placement = self._placement()
        model = PromotedModel(
            self,
            "Model",
            model_name="minilm",
            release_id=cdk.CfnParameter(
                self, "ReleaseId", type="AWS::SSM::Parameter::Value<String>", default=RELEASE_ID
            ).value_as_string,
            instance_type="ml.c6i.xlarge",
            channel=CHANNEL,
            connection=self._connection(),
            placement=placement,
        )
        endpoint = GovernedEndpoint(
            self,
            "Endpoint",
            endpoint_name=resource_name("sentences", "minilm"),
            model=model,
            placement=placement,
            image_repositories=[f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/weighbridge-inference"],
        )
        endpoint.add_autoscaling(minimum=2, maximum=6, concurrency=4)
        ReleaseWatcher(
            self,
            "Watcher",
            channel_name=CHANNEL.name,
            model_name=model.model_name,
            release_parameter=ssm.StringParameter.from_string_parameter_name(self, "Parameter", RELEASE_ID),
            records=model.records,
        )
        cdk.CfnOutput(self, "ReleaseReference", value=model.release_reference)

    def _placement(self) -> NetworkPlacement:
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id="vpc-0123456789abcdef0",
            availability_zones=list(ZONES),
            isolated_subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
            isolated_subnet_route_table_ids=["rtb-0123456789abcdef0", "rtb-0123456789abcdef1"],
        )
        group = ec2.SecurityGroup(self, "Workload", vpc=vpc, allow_all_outbound=False, description="Models")
        group.add_egress_rule(ec2.Peer.ipv4("10.0.0.0/16"), ec2.Port.tcp(443), "Endpoints of AWS, and the registry")
        return NetworkPlacement(vpc=vpc, subnets=tuple(vpc.isolated_subnets), security_groups=(group,))

    def _connection(self) -> ArtifactoryConnection:
        secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:sentences/artifactory-reader-a1b2c3"
        return ArtifactoryConnection(
            self,
            "Artifactory",
            url="https://registry.example.com/artifactory",
            repositories=Repositories(models="ml-prod-models", records="ml-prod-records"),
            secret=secretsmanager.Secret.from_secret_complete_arn(self, "Reader", secret),
        )


app = cdk.App(analytics_reporting=False)
Sentences(app, "sentences")
cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(), GovernedModelChecks())
app.synth()
