"""An endpoint whose model is an inference component: copies come and go with the load, down to none."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge.instances import accelerators, has_local_storage, hosting_instance_types, takes_inference_ami
from weighbridge_cdk.component_scaling import ComponentScaling, Copies, check_copies
from weighbridge_cdk.endpoint_assertion import EndpointAssertion
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.promoted_model import PromotedModel
from weighbridge_cdk.registry_credentials import RegistryCredentials
from weighbridge_cdk.release_cache import ReleaseCache
from weighbridge_cdk.server import Server
from weighbridge_cdk.serving_model import ServingModel, check_zones
from weighbridge_cdk.traffic import (
    EXECUTION_LIMIT_SECONDS,
    STARTUP_LIMIT_SECONDS,
    RollbackThresholds,
    rollback_alarms,
)

VARIANT = "primary"


class GovernedInferenceComponent(Construct):
    """Model, EndpointConfig, Endpoint and InferenceComponent of a promoted release, with the guarantees of GovernedEndpoint.

    The model comes from the release, by digest, in the VPC; a new release replaces copy after copy, and alarms take it back;
    the deployment fails unless the component serves what was deployed, from a copy that started.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        model: PromotedModel,
        placement: NetworkPlacement,
        copies: Copies | None = None,
        wait_seconds: int = 300,
        thresholds: RollbackThresholds | None = None,
        image_repositories: Sequence[str] = (),
        image_registry_credentials: RegistryCredentials | None = None,
        encryption_key: kms.IKey | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create endpoint and component; the component has the endpoint's name.

        Args:
            endpoint_name: explicit name, unique in account and region; see `resource_name`.
            model: the release to serve; its instance type is the endpoint's.
            placement: the VPC that the containers run in.
            copies: how many, and what each reserves; default: scales from none to one.
            wait_seconds: how long alarms are watched after each copy that was replaced, at most 3,600.
            thresholds: when a rollout is taken back.
            image_repositories: ECR repositories that runtime images come from; the role may pull from no other.
            image_registry_credentials: for runtime images in a Docker repository of Artifactory, not in ECR.
            encryption_key: key of the instances' volumes; default: a new one.
            layer: the assertion function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the assertion function's logs are kept.

        Raises:
            InputError: when instance type, numbers or repositories cannot be.
        """
        super().__init__(scope, construct_id)
        copies = copies or Copies(accelerators=1 if takes_inference_ami(model.instance_type) else None)
        _check(model=model, copies=copies, wait_seconds=wait_seconds)
        check_zones(placement, instances=copies.instances, endpoint_name=endpoint_name)
        self.endpoint_name = self.component_name = endpoint_name
        self.model = model
        self._serving = ServingModel(
            self,
            endpoint_name=endpoint_name,
            model=model,
            placement=placement,
            image_repositories=image_repositories,
            image_registry_credentials=image_registry_credentials,
            encryption_key=encryption_key,
            component_name=endpoint_name,
        )
        self.encryption_key = self._serving.encryption_key
        self.execution_role = self._serving.execution_role
        alarms = rollback_alarms(
            self, name=endpoint_name, metric=self.metric, thresholds=thresholds or RollbackThresholds()
        )
        for alarm in alarms:
            self.execution_role.allow_reading(alarm)
        rollback = [alarm.alarm_name for alarm in alarms]
        config = self._create_config(copies, placement)
        self.endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=endpoint_name,
            endpoint_config_name=config.attr_endpoint_config_name,
            retain_all_variant_properties=True,
            deployment_config=sagemaker.CfnEndpoint.DeploymentConfigProperty(
                auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
                    alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=name) for name in rollback]
                )
            ),
        )
        self.component = self._create_component(copies, wait_seconds=wait_seconds, alarm_names=rollback)
        self.assertion = EndpointAssertion(
            self,
            "Assertion",
            endpoint=self.endpoint,
            endpoint_name=endpoint_name,
            endpoint_config_name=config.attr_endpoint_config_name,
            release_digest=model.release_digest,
            release_id=model.release_id,
            component=self.component,
            component_name=self.component_name,
            component_model_name=self._serving.model.attr_model_name,
            layer=layer,
            log_retention=log_retention,
        )
        self.scaling = ComponentScaling(
            self, "Scaling", component=self.component, component_name=self.component_name, copies=copies
        )

    def add_server(self, server: Server) -> None:
        """Let the container become `server` once the release is verified; default: the image's own.

        Raises:
            InputError: when called twice, or the server may not run; see `Server.container_environment`.
        """
        self._serving.become(server)

    def add_cache(self, cache: ReleaseCache) -> None:
        """Let containers pull from `cache` before they ask the registry: whoever scales to zero starts often.

        Raises:
            InputError: when called twice.
        """
        self._serving.pull_from(cache)

    def add_termination_protection(self) -> None:
        """Let nobody delete the whole stack that the endpoint is in, before that is taken back."""
        cdk.Stack.of(self).termination_protection = True

    def metric(self, name: str, *, statistic: str, period: cdk.Duration | None = None) -> cloudwatch.Metric:
        """Return one of the component's metrics in the namespace AWS/SageMaker, over `period` (default: a minute)."""
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            statistic=statistic,
            period=period or cdk.Duration.minutes(1),
            dimensions_map={"InferenceComponentName": self.component_name},
        )

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` send requests to the endpoint; a request names the component (`InferenceComponentName`)."""
        stack = cdk.Stack.of(self)
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"],
            resource_arns=[
                stack.format_arn(service="sagemaker", resource=kind, resource_name=name.lower())
                for kind, name in (("endpoint", self.endpoint_name), ("inference-component", self.component_name))
            ],
        )

    def _create_config(self, copies: Copies, placement: NetworkPlacement) -> sagemaker.CfnEndpointConfig:
        instance_type = self.model.instance_type
        variant = sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=VARIANT,
            instance_type=instance_type,
            initial_instance_count=1,
            managed_instance_scaling=sagemaker.CfnEndpointConfig.ManagedInstanceScalingProperty(
                status="ENABLED",
                min_instance_count=min(1, copies.minimum),
                max_instance_count=copies.instances,
            ),
            volume_size_in_gb=None if has_local_storage(instance_type) else self.model.volume_size_in_gb,
            inference_ami_version=self.model.inference_ami_version if takes_inference_ami(instance_type) else None,
            enable_ssm_access=False,
        )
        return sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant],
            kms_key_id=self.encryption_key.key_arn,
            execution_role_arn=self.execution_role.role.role_arn,
            # The same as the model's: copies join the config's network.
            vpc_config=sagemaker.CfnEndpointConfig.VpcConfigProperty(
                subnets=placement.subnet_ids, security_group_ids=placement.security_group_ids
            ),
        )

    def _create_component(
        self, copies: Copies, *, wait_seconds: int, alarm_names: Sequence[str]
    ) -> sagemaker.CfnInferenceComponent:
        part = sagemaker.CfnInferenceComponent
        one = part.InferenceComponentCapacitySizeProperty(type="COPY_COUNT", value=1)
        component = part(
            self,
            "Component",
            inference_component_name=self.component_name,
            endpoint_name=self.endpoint_name,
            variant_name=VARIANT,
            specification=part.InferenceComponentSpecificationProperty(
                model_name=self._serving.model.attr_model_name,
                compute_resource_requirements=part.InferenceComponentComputeResourceRequirementsProperty(
                    min_memory_required_in_mb=copies.memory_mb,
                    number_of_accelerator_devices_required=copies.accelerators,
                ),
                startup_parameters=part.InferenceComponentStartupParametersProperty(
                    container_startup_health_check_timeout_in_seconds=self.model.startup_timeout_seconds
                ),
            ),
            # A deployment starts a copy even where there was none: what was never loaded is not known to start.
            runtime_config=part.InferenceComponentRuntimeConfigProperty(copy_count=max(1, copies.minimum)),
            deployment_config=part.InferenceComponentDeploymentConfigProperty(
                rolling_update_policy=part.InferenceComponentRollingUpdatePolicyProperty(
                    maximum_batch_size=one,
                    rollback_maximum_batch_size=one,
                    wait_interval_in_seconds=wait_seconds,
                    maximum_execution_timeout_in_seconds=_execution_seconds(copies, wait_seconds=wait_seconds),
                ),
                auto_rollback_configuration=part.AutoRollbackConfigurationProperty(
                    alarms=[part.AlarmProperty(alarm_name=name) for name in alarm_names]
                ),
            ),
        )
        component.node.add_dependency(self.endpoint)
        return component


def _execution_seconds(copies: Copies, *, wait_seconds: int) -> int:
    # Copies start one after another, each within SageMaker's limit, and as many may have to start again on the way back.
    return min(EXECUTION_LIMIT_SECONDS, 2 * copies.maximum * (STARTUP_LIMIT_SECONDS + wait_seconds))


def _check(*, model: PromotedModel, copies: Copies, wait_seconds: int) -> None:
    instance_type = model.instance_type
    if instance_type not in hosting_instance_types():
        raise InputError(f"instance_type: {instance_type!r} is not an instance type of SageMaker endpoints")
    check_copies(copies)
    if not 0 <= wait_seconds <= 3600:
        raise InputError(f"wait_seconds: {wait_seconds} is out of range: give 0 to 3600")
    if takes_inference_ami(instance_type) and copies.accelerators is None:
        raise InputError(f"accelerators: is missing: say how many of {instance_type} a copy reserves")
    found = accelerators(instance_type)
    if copies.accelerators is not None and (
        not takes_inference_ami(instance_type) or (found is not None and copies.accelerators > found.count)
    ):
        count = 0 if found is None else found.count
        raise InputError(f"accelerators: {copies.accelerators} for a copy, but {instance_type} has {count}")
