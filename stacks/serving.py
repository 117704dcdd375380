"""The endpoint of one model as its settings describe it: instances or copies, with whatever it is given besides."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs import Construct
from stacks.retention import log_retention
from weighbridge.settings import (
    ComponentSettings,
    DataCaptureSettings,
    EndpointSettings,
    EnvironmentSettings,
    ModelSettings,
    ServerSettings,
)
from weighbridge_cdk import (
    Copies,
    GovernedEndpoint,
    GovernedInferenceComponent,
    NetworkPlacement,
    PromotedModel,
    RegistryCredentials,
    ReleaseCache,
    RollbackThresholds,
    Rollout,
    Server,
    resource_name,
)

Serving = GovernedEndpoint | GovernedInferenceComponent


def add_serving(
    scope: Construct,
    *,
    settings: EnvironmentSettings,
    model: ModelSettings,
    promoted: PromotedModel,
    placement: NetworkPlacement,
    image_credentials: RegistryCredentials | None,
) -> Serving:
    """Create the model's endpoint as a child `Endpoint` of `scope`, and its cache where there is one."""
    endpoint = model.endpoint
    name = resource_name("weighbridge", settings.environment, model.name)
    thresholds = RollbackThresholds(
        server_errors_per_minute=endpoint.alarms.server_errors_per_minute,
        latency_p99_milliseconds=endpoint.alarms.latency_p99_milliseconds,
        evaluation_minutes=endpoint.alarms.evaluation_minutes,
    )
    serving: Serving
    if endpoint.inference_component is not None:
        serving = GovernedInferenceComponent(
            scope,
            "Endpoint",
            endpoint_name=name,
            model=promoted,
            placement=placement,
            copies=_copies(endpoint.inference_component),
            wait_seconds=endpoint.rollout.wait_seconds,
            thresholds=thresholds,
            image_repositories=settings.image_repositories,
            image_registry_credentials=image_credentials,
            log_retention=log_retention(settings),
        )
    else:
        serving = GovernedEndpoint(
            scope,
            "Endpoint",
            endpoint_name=name,
            model=promoted,
            placement=placement,
            instance_count=endpoint.instance_count,
            rollout=Rollout(
                canary_instances=endpoint.rollout.canary_instances,
                linear_instances=endpoint.rollout.linear_instances,
                wait_seconds=endpoint.rollout.wait_seconds,
                termination_wait_seconds=endpoint.rollout.termination_wait_seconds,
            ),
            thresholds=thresholds,
            image_repositories=settings.image_repositories,
            image_registry_credentials=image_credentials,
            log_retention=log_retention(settings),
        )
        _add_options(serving, endpoint)
    if endpoint.server is not None:
        serving.add_server(server_of(endpoint.server))
    if endpoint.termination_protection:
        serving.add_termination_protection()
    if settings.cache is not None:
        serving.add_cache(ReleaseCache(scope, "Cache", days=settings.cache.days, encryption_key=serving.encryption_key))
    return serving


def server_of(settings: ServerSettings) -> Server:
    """Return the server that the settings describe."""
    match settings.kind:
        case "vllm":
            found = Server.vllm(tensor_parallel_size=settings.tensor_parallel_size, options=settings.options)
        case "lmi":
            found = Server.lmi(tensor_parallel_size=settings.tensor_parallel_size)
        case "hugging_face":
            found = Server.hugging_face(task=settings.task or "")
        case "custom":
            found = Server(command=settings.command)
    return Server(command=found.command, environment={**found.environment, **settings.environment})


def _add_options(serving: GovernedEndpoint, endpoint: EndpointSettings) -> None:
    scaling = endpoint.autoscaling
    if scaling is not None:
        serving.add_autoscaling(
            minimum=scaling.minimum,
            maximum=scaling.maximum,
            concurrency=scaling.concurrency,
            invocations_per_minute=scaling.invocations_per_minute,
        )
    if endpoint.data_capture is not None:
        _add_capture(serving, endpoint.data_capture)


def _add_capture(serving: GovernedEndpoint, capture: DataCaptureSettings) -> None:
    serving.add_data_capture(
        bucket=s3.Bucket.from_bucket_name(serving, "Captures", capture.bucket),
        key=kms.Key.from_key_arn(serving, "CapturesKey", capture.key_arn),
        percentage=capture.percentage,
        prefix=capture.prefix,
    )


def _copies(settings: ComponentSettings) -> Copies:
    return Copies(
        minimum=settings.minimum,
        maximum=settings.maximum,
        instances=settings.instances,
        concurrency=settings.concurrency,
        memory_mb=settings.memory_mb,
        accelerators=settings.accelerators,
    )
