"""CDK apps for the guard's test: a model with config and endpoint, as a release's or as somebody's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct

GOVERNED = "twin-guard-governed"
STRANGER = "twin-guard-stranger"
BORROWER = "twin-guard-borrower"


class ServedStack(cdk.Stack):
    """Model, config and endpoint; the endpoint bears the stack's name."""

    def __init__(self, scope: Construct, construct_id: str, *, image: str, environment: Mapping[str, str]) -> None:
        super().__init__(scope, construct_id)
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn="arn:aws:iam::000000000000:role/endpoint",
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=image, environment=dict(environment)
            ),
            vpc_config=sagemaker.CfnModel.VpcConfigProperty(subnets=["subnet-1"], security_group_ids=["sg-1"]),
        )
        add_endpoint(self, model.attr_model_name)


class BorrowingStack(cdk.Stack):
    """A config of a model that somebody made by hand."""

    def __init__(self, scope: Construct, construct_id: str, *, model_name: str) -> None:
        super().__init__(scope, construct_id)
        add_endpoint(self, model_name)


def add_endpoint(stack: cdk.Stack, model_name: str) -> None:
    config = sagemaker.CfnEndpointConfig(
        stack,
        "Config",
        kms_key_id="alias/endpoints",
        production_variants=[
            sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                variant_name="primary",
                model_name=model_name,
                instance_type="ml.c6i.xlarge",
                initial_instance_count=1,
                initial_variant_weight=1,
            )
        ],
    )
    sagemaker.CfnEndpoint(
        stack,
        "Endpoint",
        endpoint_name=stack.stack_name,
        endpoint_config_name=config.attr_endpoint_config_name,
        deployment_config=sagemaker.CfnEndpoint.DeploymentConfigProperty(
            auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
                alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name="errors")]
            )
        ),
    )


def synthesize_served(folder: Path, *, image: str, release: Mapping[str, str], by_hand: str) -> Path:
    """Synthesize the three stacks into `folder`, for `cdk --app FOLDER`."""
    app = cdk.App(outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False)
    ServedStack(app, GOVERNED, image=image, environment=release)
    ServedStack(app, STRANGER, image=image, environment={"MODEL": "mine"})
    BorrowingStack(app, BORROWER, model_name=by_hand)
    app.synth()
    return folder
