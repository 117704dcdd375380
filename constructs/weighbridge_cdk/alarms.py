"""Alarms as most constructs need them: on a count, on a function's failures, and on silence."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from constructs import Construct


def alarm_from_one(
    scope: Construct,
    construct_id: str,
    *,
    metric: cloudwatch.IMetric,
    description: str,
    periods: int = 1,
    missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
) -> cloudwatch.Alarm:
    """Ring when `metric` is at least one in each of the last `periods`; `missing` is what a period without a value means."""
    return cloudwatch.Alarm(
        scope,
        construct_id,
        metric=metric,
        threshold=1,
        evaluation_periods=periods,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=missing,
        alarm_description=description,
    )


def alarm_of_failures(
    scope: Construct,
    construct_id: str = "Failures",
    *,
    function: lambda_.IFunction,
    description: str,
    period: cdk.Duration | None = None,
) -> cloudwatch.Alarm:
    """Ring when an invocation of `function` failed within `period` (default: an hour)."""
    metric = function.metric_errors(period=period or cdk.Duration.hours(1), statistic="Sum")
    return alarm_from_one(scope, construct_id, metric=metric, description=description)


def alarm_of_silence(scope: Construct, *, metric: cloudwatch.IMetric, description: str) -> cloudwatch.Alarm:
    """Ring as `Silence` when `metric`, a count, is below one or has no value."""
    return cloudwatch.Alarm(
        scope,
        "Silence",
        metric=metric,
        threshold=1,
        evaluation_periods=1,
        comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        alarm_description=description,
    )
