"""A SageMaker endpoint that can only serve the promoted release, and takes a bad rollout back by itself."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge.instances import has_local_storage, hosting_instance_types, takes_inference_ami
from weighbridge_cdk.autoscaling import VariantScaling
from weighbridge_cdk.endpoint_assertion import EndpointAssertion
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.promoted_model import PromotedModel
from weighbridge_cdk.registry_credentials import RegistryCredentials
from weighbridge_cdk.release_cache import ReleaseCache
from weighbridge_cdk.server import Server
from weighbridge_cdk.serving_model import ServingModel, check_zones
from weighbridge_cdk.traffic import RollbackThresholds, Rollout, blue_green_policy, check_rollout, rollback_alarms

VARIANT = "primary"
ALARM_LIMIT = 10


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
        image_registry_credentials: RegistryCredentials | None = None,
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
            image_registry_credentials: for runtime images in a Docker repository of Artifactory, not in ECR.
            encryption_key: key of the instances' volumes; default: a new one.
            layer: the assertion function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the assertion function's logs are kept.

        Raises:
            InputError: when instance type, counts or repositories cannot be.
        """
        super().__init__(scope, construct_id)
        rollout = rollout or Rollout(canary_instances=1 if instance_count > 1 else None)
        _check(model=model, instance_count=instance_count, rollout=rollout)
        check_zones(placement, instances=instance_count, endpoint_name=endpoint_name)
        self.endpoint_name = endpoint_name
        self.model = model
        self._rollout = rollout
        self._instance_count = instance_count
        self._alarms: list[cloudwatch.IAlarm] = []
        self.scaling: VariantScaling | None = None
        self._layer = layer
        self._log_retention = log_retention
        self._serving = ServingModel(
            self,
            endpoint_name=endpoint_name,
            model=model,
            placement=placement,
            image_repositories=image_repositories,
            image_registry_credentials=image_registry_credentials,
            encryption_key=encryption_key,
        )
        self.encryption_key = self._serving.encryption_key
        self.execution_role = self._serving.execution_role
        self._config = self._create_config(instance_count)
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
            release_id=model.release_id,
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

    def add_server(self, server: Server) -> None:
        """Let the container become `server` once the release is verified; default: the image's own.

        Raises:
            InputError: when called twice, or the server may not run; see `Server.container_environment`.
        """
        self._serving.become(server)

    def add_cache(self, cache: ReleaseCache) -> None:
        """Let containers pull from `cache` before they ask the registry, and fill it; the cache is in the same stack.

        Raises:
            InputError: when called twice.
        """
        self._serving.pull_from(cache)

    def add_autoscaling(
        self,
        *,
        minimum: int,
        maximum: int,
        concurrency: float | None = None,
        invocations_per_minute: float | None = None,
    ) -> VariantScaling:
        """Keep the load of each instance at a target: requests at one time, or requests a minute. Once per endpoint.

        While a deployment changes the instance type, the target is deregistered (docs/decisions/0014): capacity stays as it is.

        Raises:
            InputError: when the numbers cannot be, not exactly one target is given, or `minimum` instances are too few for
                the rollout's steps.
        """
        check_rollout(self._rollout, instance_count=max(1, minimum))
        self.scaling = VariantScaling(
            self,
            "Autoscaling",
            endpoint=self.endpoint,
            endpoint_name=self.endpoint_name,
            variant_name=VARIANT,
            instance_type=self.model.instance_type,
            assertion=self.assertion,
            minimum=minimum,
            maximum=maximum,
            concurrency=concurrency,
            invocations_per_minute=invocations_per_minute,
            layer=self._layer,
            log_retention=self._log_retention,
        )
        return self.scaling

    def add_data_capture(self, *, bucket: s3.IBucket, key: kms.IKey, percentage: int, prefix: str = "capture") -> None:
        """Record `percentage` of requests and answers below `prefix` of `bucket`, encrypted with `key`.

        Raises:
            InputError: for a percentage that is not 1 to 100.
        """
        if not 1 <= percentage <= 100:
            raise InputError(f"percentage: {percentage} is out of range: give 1 to 100")
        self.execution_role.allow_capture(bucket=bucket, key=key, prefix=prefix)
        self._config.data_capture_config = sagemaker.CfnEndpointConfig.DataCaptureConfigProperty(
            enable_capture=True,
            initial_sampling_percentage=percentage,
            destination_s3_uri=bucket.s3_url_for_object(prefix),
            kms_key_id=key.key_arn,
            capture_options=[
                sagemaker.CfnEndpointConfig.CaptureOptionProperty(capture_mode=mode) for mode in ("Input", "Output")
            ],
        )

    def add_termination_protection(self) -> None:
        """Let nobody delete the whole stack that the endpoint is in, before that is taken back."""
        cdk.Stack.of(self).termination_protection = True

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

    def _create_config(self, instance_count: int) -> sagemaker.CfnEndpointConfig:
        instance_type = self.model.instance_type
        variant = sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=VARIANT,
            model_name=self._serving.model.attr_model_name,
            instance_type=instance_type,
            initial_instance_count=instance_count,
            initial_variant_weight=1,
            container_startup_health_check_timeout_in_seconds=self.model.startup_timeout_seconds,
            volume_size_in_gb=None if has_local_storage(instance_type) else self.model.volume_size_in_gb,
            inference_ami_version=self.model.inference_ami_version if takes_inference_ami(instance_type) else None,
            enable_ssm_access=False,
        )
        return sagemaker.CfnEndpointConfig(
            self, "Config", production_variants=[variant], kms_key_id=self.encryption_key.key_arn
        )

    def _add_default_alarms(self, thresholds: RollbackThresholds) -> None:
        for alarm in rollback_alarms(self, name=self.endpoint_name, metric=self.metric, thresholds=thresholds):
            self.add_alarm(alarm)

    def _deployment_config(self) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
        return sagemaker.CfnEndpoint.DeploymentConfigProperty(
            blue_green_update_policy=blue_green_policy(self._rollout, instance_count=self._instance_count),
            auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
                alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=alarm.alarm_name) for alarm in self._alarms]
            ),
        )


def _check(*, model: PromotedModel, instance_count: int, rollout: Rollout) -> None:
    if model.instance_type not in hosting_instance_types():
        raise InputError(f"instance_type: {model.instance_type!r} is not an instance type of SageMaker endpoints")
    if instance_count < 1:
        raise InputError(f"instance_count: {instance_count} is too few: give at least 1")
    check_rollout(rollout, instance_count=instance_count)
