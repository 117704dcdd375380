"""Capacity of an endpoint's variant by target tracking (Application Auto Scaling)."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from weighbridge.errors import InputError

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
# Metric types of Application Auto Scaling's PredefinedMetricSpecification.
CONCURRENCY = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
INVOCATIONS = "SageMakerVariantInvocationsPerInstance"


class VariantScaling(Construct):
    """A scalable target and its policy; both depend on the endpoint, so that deletion goes the other way."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: sagemaker.CfnEndpoint,
        resource_id: str,
        minimum: int,
        maximum: int,
        concurrency: float | None,
        invocations_per_minute: float | None,
    ) -> None:
        super().__init__(scope, construct_id)
        if not 1 <= minimum <= maximum:
            raise InputError(f"autoscaling: {minimum} to {maximum} instances cannot be: give 1 <= minimum <= maximum")
        if (concurrency is None) == (invocations_per_minute is None):
            raise InputError("autoscaling: give one of concurrency and invocations_per_minute")
        target = concurrency if concurrency is not None else invocations_per_minute
        if target is None or target <= 0:
            raise InputError(f"autoscaling: a target of {target} cannot be kept: give more than 0 for each instance")
        self.target = scaling.CfnScalableTarget(
            self,
            "Target",
            min_capacity=minimum,
            max_capacity=maximum,
            resource_id=resource_id,
            scalable_dimension=DIMENSION,
            service_namespace="sagemaker",
        )
        self.target.add_dependency(endpoint)
        scaling.CfnScalingPolicy(
            self,
            "Policy",
            policy_name=f"{endpoint.endpoint_name}-load",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self.target.ref,
            target_tracking_scaling_policy_configuration=scaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                predefined_metric_specification=scaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                    predefined_metric_type=INVOCATIONS if concurrency is None else CONCURRENCY
                ),
                target_value=target,
            ),
        )
