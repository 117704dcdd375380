"""How traffic moves to a new release, and when it moves back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from weighbridge.errors import InputError

STARTUP_LIMIT_SECONDS = 3600
# SageMaker API reference, BlueGreenUpdatePolicy: MaximumExecutionTimeoutInSeconds.
EXECUTION_LIMIT_SECONDS = 28_800


@dataclass(frozen=True, slots=True)
class Rollout:
    """Blue/green: `canary_instances` take traffic first (None: all at once), watched for `wait_seconds`.

    With `linear_instances` traffic moves in equal steps of that many instances instead, each watched for `wait_seconds`;
    `canary_instances` is None then.
    """

    canary_instances: int | None = 1
    wait_seconds: int = 300
    termination_wait_seconds: int = 120
    linear_instances: int | None = None


@dataclass(frozen=True, slots=True)
class RollbackThresholds:
    """When a rollout is taken back: over `evaluation_minutes`, each minute above the threshold."""

    server_errors_per_minute: int = 5
    latency_p99_milliseconds: int = 5_000
    evaluation_minutes: int = 2


def check_rollout(rollout: Rollout, *, instance_count: int) -> None:
    """Refuse a rollout that SageMaker would.

    Raises:
        InputError: when a step is more than half of the instances, both kinds of steps are given, or it takes too long.
    """
    if rollout.canary_instances is not None and rollout.linear_instances is not None:
        raise InputError("linear_instances: canary_instances is given too: set it to None to move in equal steps")
    for field, value in (
        ("canary_instances", rollout.canary_instances),
        ("linear_instances", rollout.linear_instances),
    ):
        if value is not None and not 1 <= value <= instance_count // 2:
            raise InputError(f"{field}: {value} of {instance_count} instances: SageMaker takes at most half")
    longest = _execution_seconds(rollout, instance_count=instance_count)
    if longest > EXECUTION_LIMIT_SECONDS:
        raise InputError(
            f"wait_seconds: the rollout may take {longest:,} s, SageMaker gives {EXECUTION_LIMIT_SECONDS:,}: wait less, or "
            "move more instances at a step"
        )


def blue_green_policy(rollout: Rollout, *, instance_count: int) -> sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty:
    """Return the rollout as the endpoint's deployment policy."""
    canary, linear = _instances(rollout.canary_instances), _instances(rollout.linear_instances)
    return sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
        traffic_routing_configuration=sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
            type="CANARY" if canary else "LINEAR" if linear else "ALL_AT_ONCE",
            canary_size=canary,
            linear_step_size=linear,
            wait_interval_in_seconds=rollout.wait_seconds,
        ),
        termination_wait_in_seconds=rollout.termination_wait_seconds,
        maximum_execution_timeout_in_seconds=_execution_seconds(rollout, instance_count=instance_count),
    )


class MetricOf(Protocol):
    """Makes one of SageMaker's metrics of an endpoint or a component, over a minute."""

    def __call__(self, name: str, *, statistic: str) -> cloudwatch.Metric: ...


def rollback_alarms(
    scope: Construct, *, name: str, metric: MetricOf, thresholds: RollbackThresholds
) -> tuple[cloudwatch.Alarm, ...]:
    """Create the alarms that take a rollout of `name` back: server errors and latency, named after it."""
    # ModelLatency is in microseconds.
    metrics = {
        "ServerErrors": (metric("Invocation5XXErrors", statistic="Sum"), thresholds.server_errors_per_minute),
        "Latency": (metric("ModelLatency", statistic="p99"), thresholds.latency_p99_milliseconds * 1000),
    }
    return tuple(
        cloudwatch.Alarm(
            scope,
            kind,
            alarm_name=f"{name}-{kind}",
            alarm_description=f"Takes a rollout of {name} back",
            metric=found,
            threshold=threshold,
            evaluation_periods=thresholds.evaluation_minutes,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        for kind, (found, threshold) in metrics.items()
    )


def _instances(count: int | None) -> sagemaker.CfnEndpoint.CapacitySizeProperty | None:
    return None if count is None else sagemaker.CfnEndpoint.CapacitySizeProperty(type="INSTANCE_COUNT", value=count)


def _execution_seconds(rollout: Rollout, *, instance_count: int) -> int:
    # Both fleets may have to start containers, each within SageMaker's limit.
    steps = 2 if rollout.linear_instances is None else -(-instance_count // rollout.linear_instances)
    return 2 * STARTUP_LIMIT_SECONDS + steps * rollout.wait_seconds + rollout.termination_wait_seconds
