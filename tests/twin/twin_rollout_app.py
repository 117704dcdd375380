"""A small CDK app for the local AWS: one endpoint with a fake image, asserted, and a function that records what it gets.

As in the app's inference stack, an SSM parameter names what is deployed: here `VERSION` or `VERSION:MODE`, where MODE is
what the container does (see SERVE in local_sagemaker_world). Another one names the instance type.
"""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from local.process import ROOT
from weighbridge_cdk.autoscaling import VariantScaling
from weighbridge_cdk.endpoint_assertion import EndpointAssertion

STACK = "twin-rollout"
ENDPOINT = "twin-endpoint"
PARAMETER = "/twin/version"
INSTANCE_TYPE = "/twin/instance-type"
MINIMUM, MAXIMUM = 1, 3
CIDR = "10.60.0.0/24"
RECORDER = """
import hashlib, json, pathlib, tempfile, urllib.request

def handler(event, context):
    print(json.dumps(event))
    seen = pathlib.Path(tempfile.gettempdir(), event.get("RequestId", event.get("id")))
    if event.get("RequestType") == "Create" and not seen.exists():
        seen.touch()
        raise RuntimeError("again, please")
    if event.get("detail", {}).get("TrainingJobName") == "twin-repeated":
        raise RuntimeError("again, please")
    if "ResponseURL" not in event:
        return
    version, _, mode = event["ResourceProperties"]["Version"].partition(":")
    answer = {
        "Status": "SUCCESS", "PhysicalResourceId": "record", "StackId": event["StackId"],
        "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Version": version, "Mode": mode, "StartupTimeoutSeconds": "60",
                 "Digest": "sha256:" + hashlib.sha256(version.encode()).hexdigest()},
    }
    urllib.request.urlopen(
        urllib.request.Request(event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT"))
"""


class RolloutStack(cdk.Stack):
    """Recorder (custom resource and target of rules) -> model -> config -> endpoint -> assertion -> scaling."""

    def __init__(self, scope: Construct, construct_id: str, *, image: str) -> None:
        super().__init__(scope, construct_id)
        version = cdk.CfnParameter(
            self, "Version", type="AWS::SSM::Parameter::Value<String>", default=PARAMETER
        ).value_as_string
        instance_type = cdk.CfnParameter(
            self, "InstanceType", type="AWS::SSM::Parameter::Value<String>", default=INSTANCE_TYPE
        ).value_as_string
        record = self._add_recorder(version)
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=self._role.role_arn,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=image, environment={name.upper(): record.get_att_string(name) for name in ("Version", "Mode")}
            ),
        )
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name="primary",
                    model_name=model.attr_model_name,
                    instance_type=instance_type,
                    initial_instance_count=1,
                    initial_variant_weight=1,
                    container_startup_health_check_timeout_in_seconds=cdk.Token.as_number(
                        record.get_att("StartupTimeoutSeconds")
                    ),
                )
            ],
        )
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=ENDPOINT,
            endpoint_config_name=config.attr_endpoint_config_name,
            retain_all_variant_properties=True,
        )
        assertion = EndpointAssertion(
            self,
            "Assertion",
            endpoint=endpoint,
            endpoint_name=ENDPOINT,
            endpoint_config_name=config.attr_endpoint_config_name,
            release_digest=record.get_att_string("Digest"),
        )
        VariantScaling(
            self,
            "Scaling",
            endpoint=endpoint,
            endpoint_name=ENDPOINT,
            variant_name="primary",
            instance_type=instance_type,
            assertion=assertion,
            minimum=MINIMUM,
            maximum=MAXIMUM,
            concurrency=4,
            invocations_per_minute=None,
        )
        network = ec2.CfnVPC(self, "Network", cidr_block=CIDR)
        cdk.CfnOutput(self, "Cidr", value=network.attr_cidr_block)
        cdk.CfnOutput(self, "ConfigName", value=config.attr_endpoint_config_name)

    def _add_recorder(self, version: str) -> cdk.CustomResource:
        self._role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        group = logs.LogGroup(self, "Records", log_group_name=STACK, removal_policy=cdk.RemovalPolicy.DESTROY)
        recorder = lambda_.Function(
            self,
            "Recorder",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(RECORDER),
            log_group=group,
        )
        # As ReleaseWatcher and Registrar have them.
        patterns = {
            "RolledBack": events.EventPattern(
                source=["aws.cloudformation"],
                detail_type=["CloudFormation Stack Status Change"],
                detail={
                    "stack-id": [cdk.Aws.STACK_ID],
                    "status-details": {"status": ["UPDATE_ROLLBACK_COMPLETE"]},
                },
            ),
            "JobEnded": events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Training Job State Change"],
                detail={"TrainingJobStatus": ["Completed", "Failed", "Stopped"]},
            ),
        }
        for name, pattern in patterns.items():
            events.Rule(self, name, event_pattern=pattern, targets=[targets.LambdaFunction(recorder)])
        return cdk.CustomResource(
            self,
            "Record",
            resource_type="Custom::TwinRecord",
            service_token=recorder.function_arn,
            service_timeout=cdk.Duration.minutes(1),
            properties={"Version": version},
        )


def synthesize(folder: Path, *, image: str) -> Path:
    """Synthesize the stack into `folder`, for `cdk --app FOLDER`."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = cdk.App(
        outdir=str(folder),
        analytics_reporting=False,
        builtin_cloud_formation_validation=False,
        context={**context, "weighbridge:layer": "host"},
    )
    RolloutStack(app, STACK, image=image)
    app.synth()
    return folder
