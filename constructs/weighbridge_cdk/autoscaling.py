"""Capacity of an endpoint's variant by target tracking, out of the way whenever the instance type changes."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge.rollout.scaling import CONCURRENCY, DIMENSION, INVOCATIONS, NAMESPACE
from weighbridge_cdk.acknowledgements import acknowledge
from weighbridge_cdk.alarms import alarm_of_failures
from weighbridge_cdk.endpoint_assertion import EndpointAssertion
from weighbridge_cdk.library_function import LibraryFunction

PAUSE_TYPE = "Custom::WeighbridgeScalingPause"
RESOURCE_TYPE = "Custom::WeighbridgeScaling"
FUNCTION_TIMEOUT = cdk.Duration.minutes(2)
SERVICE_TIMEOUT = cdk.Duration.minutes(10)
# https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-service-linked-roles.html
_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
_LINKED_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


class VariantScaling(Construct):
    """A function that registers the variant as a scalable target, and three occasions for it (docs/decisions/0014).

    A custom resource before the endpoint deregisters when the instance type changes, one behind the assertion registers,
    and a rule on the end of the stack's updates and rollbacks registers what a rollback left deregistered. `alarm` rings when
    the function fails.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: sagemaker.CfnEndpoint,
        endpoint_name: str,
        variant_name: str,
        instance_type: str,
        assertion: EndpointAssertion,
        minimum: int,
        maximum: int,
        concurrency: float | None,
        invocations_per_minute: float | None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the scaling.

        Args:
            endpoint: the endpoint; it is updated after the pause.
            endpoint_name: its explicit name.
            variant_name: the variant whose capacity follows the load.
            instance_type: the variant's; when it changes, the target is deregistered meanwhile.
            assertion: the target is registered when this has found that the endpoint runs what was deployed.
            minimum: fewest instances.
            maximum: most instances.
            concurrency: requests at one time, for each instance.
            invocations_per_minute: or requests a minute.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.

        Raises:
            InputError: when the numbers cannot be, or not exactly one target is given.
        """
        super().__init__(scope, construct_id)
        properties = {
            "EndpointName": endpoint_name,
            "VariantName": variant_name,
            "Minimum": minimum,
            "Maximum": maximum,
            "Metric": INVOCATIONS if concurrency is None else CONCURRENCY,
            "Target": _target(minimum, maximum, concurrency, invocations_per_minute),
        }
        self.scaler = LibraryFunction(
            self,
            "Scaler",
            handler="endpoint_scaling",
            description=f"Holds the capacity of {endpoint_name}, but for changes of its instance type",
            timeout=FUNCTION_TIMEOUT,
            layer=layer,
            log_retention=log_retention,
        )
        self._rights = self._allow(endpoint_name)
        self.pause = self._resource("Pause", PAUSE_TYPE, {**properties, "InstanceType": instance_type})
        endpoint.node.add_dependency(self.pause)
        self.resource = self._resource(
            "Target",
            RESOURCE_TYPE,
            {
                **properties,
                "InstanceType": instance_type,
                "EndpointConfigName": endpoint.endpoint_config_name,
            },
        )
        self.resource.node.add_dependency(endpoint, assertion.resource)
        self.rule = self._hold_at_rest(endpoint_name, properties)
        # Nobody waits for the answer to an event: what failed for good would leave the capacity as it happens to be.
        self.alarm = alarm_of_failures(
            self,
            "Failed",
            function=self.scaler.function,
            description=f"The capacity of {endpoint_name} may not follow the load: see the scaler's log",
            period=cdk.Duration.minutes(5),
        )

    def _resource(self, name: str, kind: str, properties: dict[str, object]) -> cdk.CustomResource:
        resource = cdk.CustomResource(
            self,
            name,
            resource_type=kind,
            service_token=self.scaler.function.function_arn,
            service_timeout=SERVICE_TIMEOUT,
            properties=properties,
        )
        resource.node.add_dependency(self.scaler, self._rights)
        return resource

    def _hold_at_rest(self, endpoint_name: str, properties: dict[str, object]) -> events.Rule:
        # A rollback calls no resource that the way forward did not reach.
        return events.Rule(
            self,
            "AtRest",
            description=f"The stack of {endpoint_name} was updated or rolled back: its capacity is held again",
            event_pattern=events.EventPattern(
                source=["aws.cloudformation"],
                detail_type=["CloudFormation Stack Status Change"],
                detail={
                    "stack-id": [cdk.Aws.STACK_ID],
                    "status-details": {"status": ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]},
                },
            ),
            targets=[
                targets.LambdaFunction(
                    self.scaler.function, event=events.RuleTargetInput.from_object({"Hold": properties})
                )
            ],
        )

    def _allow(self, endpoint_name: str) -> iam.Policy:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
        stack = cdk.Stack.of(self)
        endpoint = stack.format_arn(service="sagemaker", resource="endpoint", resource_name=endpoint_name.lower())
        scalable = stack.format_arn(service="application-autoscaling", resource="scalable-target", resource_name="*")
        configs = stack.format_arn(service="sagemaker", resource="endpoint-config", resource_name="*")
        alarms = stack.format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=f"TargetTracking-endpoint/{endpoint_name}/*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        linked = stack.format_arn(
            service="iam", region="", resource="role", resource_name=f"aws-service-role/{_SERVICE}/{_LINKED_ROLE}"
        )
        statements = [
            iam.PolicyStatement(
                actions=[
                    f"application-autoscaling:{action}"
                    for action in ("RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy")
                ],
                resources=[scalable],
                conditions={
                    "StringEquals": {
                        "application-autoscaling:service-namespace": NAMESPACE,
                        "application-autoscaling:scalable-dimension": DIMENSION,
                    }
                },
            ),
            iam.PolicyStatement(
                actions=["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"],
                resources=[endpoint],
            ),
            # Application Auto Scaling asks with the rights of its caller; CloudFormation names the configs.
            iam.PolicyStatement(actions=["sagemaker:DescribeEndpointConfig"], resources=[configs]),
            iam.PolicyStatement(
                actions=["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"],
                resources=[alarms],
            ),
            iam.PolicyStatement(
                actions=["iam:CreateServiceLinkedRole"],
                resources=[linked],
                conditions={"StringEquals": {"iam:AWSServiceName": _SERVICE}},
            ),
        ]
        policy = iam.Policy(self, "Scaling", statements=statements, roles=[self.scaler.role])
        for resource in (scalable, alarms, configs):
            acknowledge(policy, "scalable-targets", resource=resource)
        return policy


def _target(minimum: int, maximum: int, concurrency: float | None, invocations_per_minute: float | None) -> float:
    if not 1 <= minimum <= maximum:
        raise InputError(f"autoscaling: {minimum} to {maximum} instances cannot be: give 1 <= minimum <= maximum")
    if (concurrency is None) == (invocations_per_minute is None):
        raise InputError("autoscaling: give one of concurrency and invocations_per_minute")
    target = concurrency if concurrency is not None else invocations_per_minute
    if target is None or target <= 0:
        raise InputError(f"autoscaling: a target of {target} cannot be kept: give more than 0 for each instance")
    return target
