"""Metrics as dashboards and alarms read them: those that weighbridge writes, and those that SageMaker does."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from weighbridge.errors import InputError
from weighbridge.metrics import DIMENSIONS, NAMESPACE

# CPU, memory and GPU of the instances: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
INSTANCES = "/aws/sagemaker/Endpoints"


def measured(
    name: str,
    dimensions: Mapping[str, str],
    *,
    statistic: str = "Sum",
    period: cdk.Duration | None = None,
    label: str | None = None,
) -> cloudwatch.Metric:
    """Return a metric of the namespace `weighbridge`, over `period` (default: five minutes).

    Raises:
        InputError: when nobody writes it by these dimensions.
    """
    if tuple(sorted(dimensions)) not in {tuple(sorted(known)) for known in DIMENSIONS.get(name, ())}:
        raise InputError(f"metric {name}: is not written by {', '.join(sorted(dimensions))}")
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map=dict(dimensions) or None,
        statistic=statistic,
        period=period or cdk.Duration.minutes(5),
        label=label,
    )


def of_instances(
    name: str, *, endpoint_name: str, variant_name: str, statistic: str = "Average", label: str | None = None
) -> cloudwatch.Metric:
    """Return what SageMaker measures of an endpoint's instances, in per cent of one core or GPU each."""
    return cloudwatch.Metric(
        namespace=INSTANCES,
        metric_name=name,
        dimensions_map={"EndpointName": endpoint_name, "VariantName": variant_name},
        statistic=statistic,
        period=cdk.Duration.minutes(1),
        label=label,
    )
