"""A SageMaker endpoint that can only serve the promoted release, and takes a bad rollout back by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge.instances import has_local_storage, hosting_instance_types, takes_inference_ami
from weighbridge_cdk.endpoint_assertion import EndpointAssertion
from weighbridge_cdk.execution_role import ExecutionRole
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.promoted_model import PromotedModel

VARIANT = "primary"
ALARM_LIMIT = 10
STARTUP_LIMIT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Rollout:
    """Blue/green: `canary_instances` take traffic first (None: all at once), watched for `wait_seconds`."""

    canary_instances: int | None = 1
    wait_seconds: int = 300
    termination_wait_seconds: int = 120


@dataclass(frozen=True, slots=True)
class RollbackThresholds:
    """When a rollout is taken back: over `evaluation_minutes`, each minute above the threshold."""

    server_errors_per_minute: int = 5
    latency_p99_milliseconds: int = 5_000
    evaluation_minutes: int = 2


class GovernedEndpoint(Construct):
    """Model, EndpointConfig and Endpoint of a promoted release.

    The container gets no model archive: it verifies and pulls the release itself. Endpoint and alarms refer to each
    other, so their names are explicit; all else is named by CloudFormation, so that it can be replaced.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        model: PromotedModel,
        placement: NetworkPlacement,
        instance_count: int = 2,
        rollout: Rollout | None = None,
        thresholds: RollbackThresholds | None = None,
        image_repositories: Sequence[str] = (),
        encryption_key: kms.IKey | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the endpoint.

        Args:
            endpoint_name: explicit name, unique in account and region; see `resource_name`.
            model: the release to serve; its instance type is the endpoint's.
            placement: the VPC that the containers run in.
            instance_count: instances at first; SageMaker keeps later changes of capacity (autoscaling).
            rollout: how a new release takes over; default: one canary instance, or all at once for a single instance.
            thresholds: when a rollout is taken back.
            image_repositories: ECR repositories (`ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`) that runtime images
                come from; the role may pull from no other.
            encryption_key: key of the instances' volumes; default: a new one.
            layer: the assertion function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the assertion function's logs are kept.

        Raises:
            InputError: when instance type, counts or repositories cannot be.
        """
        super().__init__(scope, construct_id)
        rollout = rollout or Rollout(canary_instances=1 if instance_count > 1 else None)
        _check(model=model, instance_count=instance_count, rollout=rollout)
        self.endpoint_name = endpoint_name
        self.model = model
        self._rollout = rollout
        self._alarms: list[cloudwatch.IAlarm] = []
        self.encryption_key = encryption_key or kms.Key(
            self, "Key", enable_key_rotation=True, description=f"Encrypts the volumes of {endpoint_name}"
        )
        self.execution_role = ExecutionRole(
            self,
            "ExecutionRole",
            endpoint_name=endpoint_name,
            connection=model.connection,
            placement=placement,
            encryption_key=self.encryption_key,
            image_repositories=image_repositories,
        )
        self._config = self._create_config(placement=placement, instance_count=instance_count)
        self.endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=endpoint_name,
            endpoint_config_name=self._config.attr_endpoint_config_name,
            retain_all_variant_properties=True,
        )
        self._add_default_alarms(thresholds or RollbackThresholds())
        self.assertion = EndpointAssertion(
            self,
            "Assertion",
            endpoint=self.endpoint,
            endpoint_name=endpoint_name,
            endpoint_config_name=self._config.attr_endpoint_config_name,
            release_digest=model.release_digest,
            layer=layer,
            log_retention=log_retention,
        )

    def add_alarm(self, alarm: cloudwatch.IAlarm) -> None:
        """Take a rollout back when `alarm` rings, too. The alarm must not refer to the endpoint but by its name.

        Raises:
            InputError: beyond SageMaker's ten alarms.
        """
        if len(self._alarms) == ALARM_LIMIT:
            raise InputError(f"{self.endpoint_name}: more than {ALARM_LIMIT} alarms: combine some in a composite alarm")
        self._alarms.append(alarm)
        self.execution_role.allow_reading(alarm)
        self.endpoint.deployment_config = self._deployment_config()

    def metric(self, name: str, *, statistic: str, period: cdk.Duration | None = None) -> cloudwatch.Metric:
        """Return one of the endpoint's metrics in the namespace AWS/SageMaker, over `period` (default: a minute)."""
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            statistic=statistic,
            period=period or cdk.Duration.minutes(1),
            dimensions_map={"EndpointName": self.endpoint_name, "VariantName": VARIANT},
        )

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` send requests to the endpoint."""
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"],
            resource_arns=[
                cdk.Stack.of(self).format_arn(
                    service="sagemaker", resource="endpoint", resource_name=self.endpoint_name.lower()
                )
            ],
        )

    def _create_config(self, *, placement: NetworkPlacement, instance_count: int) -> sagemaker.CfnEndpointConfig:
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=self.execution_role.role.role_arn,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=self.model.image_uri, environment=dict(self.model.container_environment())
            ),
            vpc_config=sagemaker.CfnModel.VpcConfigProperty(
                subnets=placement.subnet_ids, security_group_ids=placement.security_group_ids
            ),
        )
        model.node.add_dependency(self.execution_role)
        instance_type = self.model.instance_type
        variant = sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=VARIANT,
            model_name=model.attr_model_name,
            instance_type=instance_type,
            initial_instance_count=instance_count,
            initial_variant_weight=1,
            container_startup_health_check_timeout_in_seconds=self.model.startup_timeout_seconds,
            volume_size_in_gb=None if has_local_storage(instance_type) else self.model.volume_size_in_gb,
            inference_ami_version=self.model.inference_ami_version if takes_inference_ami(instance_type) else None,
        )
        return sagemaker.CfnEndpointConfig(
            self, "Config", production_variants=[variant], kms_key_id=self.encryption_key.key_arn
        )

    def _add_default_alarms(self, thresholds: RollbackThresholds) -> None:
        metrics = {
            "ServerErrors": (self.metric("Invocation5XXErrors", statistic="Sum"), thresholds.server_errors_per_minute),
            # ModelLatency is in microseconds.
            "Latency": (self.metric("ModelLatency", statistic="p99"), thresholds.latency_p99_milliseconds * 1000),
        }
        for name, (metric, threshold) in metrics.items():
            self.add_alarm(
                cloudwatch.Alarm(
                    self,
                    name,
                    alarm_name=f"{self.endpoint_name}-{name}",
                    alarm_description=f"Takes a rollout of {self.endpoint_name} back",
                    metric=metric,
                    threshold=threshold,
                    evaluation_periods=thresholds.evaluation_minutes,
                    comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                    treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
                )
            )

    def _deployment_config(self) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
        rollout = self._rollout
        canary = rollout.canary_instances
        return sagemaker.CfnEndpoint.DeploymentConfigProperty(
            blue_green_update_policy=sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
                traffic_routing_configuration=sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
                    type="ALL_AT_ONCE" if canary is None else "CANARY",
                    canary_size=None
                    if canary is None
                    else sagemaker.CfnEndpoint.CapacitySizeProperty(type="INSTANCE_COUNT", value=canary),
                    wait_interval_in_seconds=rollout.wait_seconds,
                ),
                termination_wait_in_seconds=rollout.termination_wait_seconds,
                # Both steps may have to start containers, each within SageMaker's limit.
                maximum_execution_timeout_in_seconds=2 * STARTUP_LIMIT_SECONDS
                + 2 * rollout.wait_seconds
                + rollout.termination_wait_seconds,
            ),
            auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
                alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=alarm.alarm_name) for alarm in self._alarms]
            ),
        )


def _check(*, model: PromotedModel, instance_count: int, rollout: Rollout) -> None:
    if model.instance_type not in hosting_instance_types():
        raise InputError(f"instance_type: {model.instance_type!r} is not an instance type of SageMaker endpoints")
    if instance_count < 1:
        raise InputError(f"instance_count: {instance_count} is too few: give at least 1")
    if rollout.canary_instances is not None and not 1 <= rollout.canary_instances <= instance_count // 2:
        raise InputError(
            f"canary_instances: {rollout.canary_instances} of {instance_count} instances: SageMaker takes at most half"
        )
