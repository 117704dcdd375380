"""Fail the deployment when an endpoint does not run what was deployed."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.network import NetworkPlacement

RESOURCE_TYPE = "Custom::WeighbridgeEndpointAssertion"
FUNCTION_TIMEOUT = cdk.Duration.minutes(2)
SERVICE_TIMEOUT = cdk.Duration.minutes(10)


class EndpointAssertion(Construct):
    """A custom resource behind an endpoint that compares DescribeEndpoint's config with the deployed one.

    A failed update leaves SageMaker InService on the old config. Without this, CloudFormation would take that for
    success and delete, in its clean-up, the very config that serves.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: sagemaker.CfnEndpoint,
        endpoint_name: str,
        endpoint_config_name: str,
        release_digest: str,
        release_id: str | None = None,
        component: sagemaker.CfnInferenceComponent | None = None,
        component_name: str | None = None,
        component_model_name: str | None = None,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the assertion.

        Args:
            endpoint: the endpoint; the assertion runs after it.
            endpoint_name: its explicit name.
            endpoint_config_name: name of the config that it was told to run.
            release_digest: `sha256:HEX` of the release behind that config.
            release_id: the promotion behind it, so that the function's log bears its correlation id; default: it does not.
            component: the inference component that the model is, if it is one; the assertion runs after it, too.
            component_name: its explicit name.
            component_model_name: name of the SageMaker model that it was told to serve.
            placement: the VPC to ask from; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.
        """
        super().__init__(scope, construct_id)
        self.checker = LibraryFunction(
            self,
            "Checker",
            handler="endpoint_assertion",
            description=f"Checks that {endpoint_name} runs the deployed config",
            timeout=FUNCTION_TIMEOUT,
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        self.checker.allow(
            "sagemaker:DescribeEndpoint",
            resources=[
                cdk.Stack.of(self).format_arn(
                    service="sagemaker", resource="endpoint", resource_name=endpoint_name.lower()
                )
            ],
        )
        if component_name is not None:
            self.checker.allow(
                "sagemaker:DescribeInferenceComponent",
                resources=[
                    cdk.Stack.of(self).format_arn(
                        service="sagemaker", resource="inference-component", resource_name=component_name.lower()
                    )
                ],
            )
        # The same event means refusal while the stack moves forward, and nothing while it is rolled back.
        self.checker.allow("cloudformation:DescribeStacks", resources=[cdk.Aws.STACK_ID])
        self.resource = cdk.CustomResource(
            self,
            "Assertion",
            resource_type=RESOURCE_TYPE,
            service_token=self.checker.function.function_arn,
            service_timeout=SERVICE_TIMEOUT,
            properties={
                "EndpointName": endpoint_name,
                "EndpointConfigName": endpoint_config_name,
                "ReleaseDigest": release_digest,
                **({} if release_id is None else {"ReleaseId": release_id}),
                **(
                    {}
                    if component_name is None
                    else {"ComponentName": component_name, "ComponentModelName": component_model_name}
                ),
            },
        )
        self.resource.node.add_dependency(endpoint, self.checker)
        if component is not None:
            self.resource.node.add_dependency(component)
