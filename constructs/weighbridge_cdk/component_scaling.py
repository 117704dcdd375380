"""Copies of an inference component that follow the load, down to none and up again.

Target tracking cannot leave zero, since there is no copy to have a load: an alarm on requests that found no capacity adds
the first one. https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from weighbridge.errors import InputError

DIMENSION = "sagemaker:inference-component:DesiredCopyCount"
CONCURRENCY = "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
NO_CAPACITY = "NoCapacityInvocationFailures"
COOLDOWN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Copies:
    """`minimum` (0: none when nobody asks) to `maximum` copies, each with `concurrency` requests at one time.

    A copy reserves `memory_mb` MiB and `accelerators` accelerators; SageMaker adds instances for copies, at most `instances`.
    """

    minimum: int = 0
    maximum: int = 1
    instances: int = 1
    concurrency: float = 5
    memory_mb: int = 1024
    accelerators: int | None = None


def check_copies(copies: Copies) -> None:
    """Refuse numbers that cannot be.

    Raises:
        InputError: naming the number.
    """
    if not 0 <= copies.minimum <= copies.maximum or copies.maximum < 1:
        raise InputError(
            f"copies: {copies.minimum} to {copies.maximum} cannot be: give 0 <= minimum <= maximum, at least 1"
        )
    for name, value, least in (
        ("instances", copies.instances, 1),
        ("concurrency", copies.concurrency, 1),
        ("memory_mb", copies.memory_mb, 128),
        ("accelerators", 1 if copies.accelerators is None else copies.accelerators, 1),
    ):
        if value < least:
            raise InputError(f"{name}: {value} is too few: give at least {least}")


class ComponentScaling(Construct):
    """A scalable target, its target tracking, and the way out of zero; all depend on the component."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        component: sagemaker.CfnInferenceComponent,
        component_name: str,
        copies: Copies,
    ) -> None:
        super().__init__(scope, construct_id)
        self.target = scaling.CfnScalableTarget(
            self,
            "Target",
            min_capacity=copies.minimum,
            max_capacity=copies.maximum,
            resource_id=f"inference-component/{component_name}",
            scalable_dimension=DIMENSION,
            service_namespace="sagemaker",
        )
        self.target.node.add_dependency(component)
        scaling.CfnScalingPolicy(
            self,
            "Load",
            policy_name=f"{component_name}-load",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self.target.ref,
            target_tracking_scaling_policy_configuration=scaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                predefined_metric_specification=scaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                    predefined_metric_type=CONCURRENCY
                ),
                target_value=copies.concurrency,
            ),
        )
        self.no_capacity = self._wake(component_name) if copies.minimum == 0 else None

    def _wake(self, component_name: str) -> cloudwatch.CfnAlarm:
        policy = scaling.CfnScalingPolicy(
            self,
            "Wake",
            policy_name=f"{component_name}-wake",
            policy_type="StepScaling",
            scaling_target_id=self.target.ref,
            step_scaling_policy_configuration=scaling.CfnScalingPolicy.StepScalingPolicyConfigurationProperty(
                adjustment_type="ChangeInCapacity",
                metric_aggregation_type="Maximum",
                cooldown=COOLDOWN_SECONDS,
                step_adjustments=[
                    scaling.CfnScalingPolicy.StepAdjustmentProperty(metric_interval_lower_bound=0, scaling_adjustment=1)
                ],
            ),
        )
        return cloudwatch.CfnAlarm(
            self,
            "NoCapacity",
            alarm_name=f"{component_name}-NoCapacity",
            alarm_description=f"A request found no copy of {component_name}: adds one",
            namespace="AWS/SageMaker",
            metric_name=NO_CAPACITY,
            dimensions=[{"name": "InferenceComponentName", "value": component_name}],
            statistic="Sum",
            period=cdk.Duration.minutes(1).to_seconds(),
            evaluation_periods=1,
            datapoints_to_alarm=1,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="missing",
            alarm_actions=[policy.ref],
        )
