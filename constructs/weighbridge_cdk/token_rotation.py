"""Secrets Manager's rotation of a registry token: the function, its rights, the schedule, and who may touch the secret."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager

from constructs import Construct
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.network import NetworkPlacement

FUNCTION_TIMEOUT = cdk.Duration.minutes(2)
MOST_DAYS = 150


class TokenRotation(Construct):
    """Every `days` the current token mints the next; the one before is revoked a rotation later.

    Put the first token into the secret by hand before this is deployed: a secret without a value cannot be rotated.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        connection: ArtifactoryConnection,
        days: int = 30,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create function and schedule.

        Args:
            connection: the registry, with the secret to rotate (`rotated=True`).
            days: between rotations, 1 to 150; a token lives twice as long and a day.
            placement: the VPC to run in, from where the registry is reached; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.

        Raises:
            ValueError: when the connection has no secret, or `days` is out of range.
        """
        super().__init__(scope, construct_id)
        secret = connection.secret
        if secret is None:
            raise ValueError(
                "TokenRotation: the connection has no secret: where roles are exchanged there is nothing to do"
            )
        if not 1 <= days <= MOST_DAYS:
            raise ValueError(f"TokenRotation: days: {days}: give 1 to {MOST_DAYS}")
        self.function = LibraryFunction(
            self,
            "Function",
            handler="token_rotation",
            description=f"Rotates the registry token every {days} days",
            timeout=FUNCTION_TIMEOUT,
            environment={
                **connection.environment(),
                "WEIGHBRIDGE_TOKEN_EXPIRES_IN": str((2 * days + 1) * 86_400),
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
        secret.add_to_resource_policy(_no_strangers())


def _no_strangers() -> iam.PolicyStatement:
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
        resources=["*"],
        principals=[iam.AnyPrincipal()],
        conditions={"StringNotEquals": {"aws:PrincipalAccount": cdk.Aws.ACCOUNT_ID}},
    )
