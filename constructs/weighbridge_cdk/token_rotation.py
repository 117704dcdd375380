"""Secrets Manager's rotation of a registry token: the function, its rights, the schedules, and what rings when it fails."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager

from constructs import Construct
from weighbridge.metrics import TOKEN_AGE_HOURS
from weighbridge.tokenrotation import UPKEEP
from weighbridge_cdk.alarms import alarm_of_failures
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.measured import measured
from weighbridge_cdk.network import NetworkPlacement

FUNCTION_TIMEOUT = cdk.Duration.minutes(2)
MOST_DAYS = 150
DAYS_LATE = 2


class TokenRotation(Construct):
    """Every `days` the current token mints the next; the one before is revoked when `grace` is over.

    Two `alarms`: rotation or revocation failed, and the token is older than it should be. Put the first token into the secret by hand before this is deployed: a secret without a value cannot be rotated.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        connection: ArtifactoryConnection,
        days: int = 30,
        grace: cdk.Duration | None = None,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create function and schedule.

        Args:
            connection: the registry, with the secret to rotate (`rotated=True`).
            days: between rotations, 1 to 150; a token lives twice as long and a day.
            grace: how long a token that was replaced still works, shorter than `days`; default: a day, or an hour less
                than the time between daily rotations. Looked at every hour.
            placement: the VPC to run in, from where the registry is reached; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.

        Raises:
            ValueError: when the connection has no secret, or `days` or `grace` is out of range.
        """
        super().__init__(scope, construct_id)
        secret = connection.secret
        if secret is None:
            raise ValueError(
                "TokenRotation: the connection has no secret: where roles are exchanged there is nothing to do"
            )
        if not 1 <= days <= MOST_DAYS:
            raise ValueError(f"TokenRotation: days: {days}: give 1 to {MOST_DAYS}")
        seconds = int((grace or cdk.Duration.hours(min(24, 24 * days - 1))).to_seconds())
        if not 1 <= seconds < days * 86_400:
            raise ValueError(
                f"TokenRotation: grace: {seconds} seconds: give less than the {days} days between rotations"
            )
        self.function = LibraryFunction(
            self,
            "Function",
            handler="token_rotation",
            description=f"Rotates the registry token every {days} days",
            timeout=FUNCTION_TIMEOUT,
            environment={
                **connection.environment(),
                "WEIGHBRIDGE_TOKEN_EXPIRES_IN": str((2 * days + 1) * 86_400),
                "WEIGHBRIDGE_TOKEN_GRACE_SECONDS": str(seconds),
            },
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        connection.grant_read(self.function.role)
        self.function.allow(
            "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage", resources=[secret.secret_arn]
        )
        if connection.encryption_key is not None:
            connection.encryption_key.grant(self.function.role, "kms:GenerateDataKey")
        invoker = iam.ServicePrincipal(
            "secretsmanager.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
        )
        self.function.function.grant_invoke(invoker)
        self.schedule = secretsmanager.CfnRotationSchedule(
            self,
            "Schedule",
            secret_id=secret.secret_arn,
            rotation_lambda_arn=self.function.function.function_arn,
            rotate_immediately_on_update=False,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                schedule_expression=f"rate({days} {'day' if days == 1 else 'days'})"
            ),
        )
        # Secrets Manager tries the function out when the schedule is created.
        self.schedule.node.add_dependency(self.function)
        self.upkeep = events.Rule(
            self,
            "Upkeep",
            description="Measures the registry token's age, ends the one before when its time of grace is over",
            schedule=events.Schedule.rate(cdk.Duration.hours(1)),
            targets=[
                targets.LambdaFunction(
                    self.function.function, event=events.RuleTargetInput.from_object({UPKEEP: "token"})
                )
            ],
        )
        self.alarms = (
            alarm_of_failures(
                self,
                function=self.function.function,
                description="A registry token could not be rotated or revoked: the function's log says why; the current "
                "token still works",
            ),
            self._alarm_of_age(secret, days=days),
        )

    def _alarm_of_age(self, secret: secretsmanager.ISecret, *, days: int) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            "Age",
            metric=measured(
                TOKEN_AGE_HOURS, {"Secret": secret.secret_arn}, statistic="Maximum", period=cdk.Duration.days(1)
            ),
            threshold=24 * (days + DAYS_LATE),
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
            alarm_description=f"A registry token is more than {DAYS_LATE} days late for its rotation, or nobody has measured "
            "for a day: repair the rotation, or put a new token into the secret by hand",
        )
