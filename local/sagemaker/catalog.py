"""Models and endpoint configs: what CreateModel and CreateEndpointConfig were told, and what follows from it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from local.sagemaker.errors import AwsError
from local.sagemaker.fleet import FleetPlan
from local.sagemaker.host import Account
from local.sagemaker.images import ImageStore
from local.sagemaker.instances import VariantPlan
from local.sagemaker.shapes import (
    JsonObject,
    Request,
    check_fields,
    flag,
    mapping,
    name,
    number,
    objects,
    required,
    text,
    texts,
    whole,
)

ENVIRONMENT_ENTRIES = 100
ENVIRONMENT_LENGTH = 1024
DEFAULT_STARTUP_SECONDS = 480
_MODEL = frozenset({
    "ModelName", "PrimaryContainer", "ExecutionRoleArn", "VpcConfig", "EnableNetworkIsolation", "Tags"
})  # fmt: skip
_CONTAINER = frozenset({"Image", "Environment", "ContainerHostname", "Mode"})
_CONFIG = frozenset({"EndpointConfigName", "ProductionVariants", "KmsKeyId", "Tags", "DataCaptureConfig"})
_CAPTURE = frozenset({
    "EnableCapture", "InitialSamplingPercentage", "DestinationS3Uri", "KmsKeyId", "CaptureOptions",
    "CaptureContentTypeHeader",
})  # fmt: skip
_VARIANT = frozenset({
    "VariantName", "ModelName", "InstanceType", "InitialInstanceCount", "InitialVariantWeight", "VolumeSizeInGB",
    "ContainerStartupHealthCheckTimeoutInSeconds", "ModelDataDownloadTimeoutInSeconds", "InferenceAmiVersion",
    "EnableSSMAccess",
})  # fmt: skip


class Catalog:
    """Names are unique until they are deleted; a deleted one may be used again, as on AWS."""

    def __init__(self, *, account: Account, images: ImageStore) -> None:
        self._account = account
        self._images = images
        self._lock = threading.Lock()
        self._models: dict[str, JsonObject] = {}
        self._configs: dict[str, JsonObject] = {}

    def create_model(self, request: Request) -> JsonObject:
        """CreateModel.

        Raises:
            AwsError: for a name that is taken, an image that is not there, an environment beyond SageMaker's limits.
        """
        check_fields(request, known=_MODEL, where="CreateModel")
        model = name(request, "ModelName")
        required(request, "PrimaryContainer")
        container = mapping(request, "PrimaryContainer")
        check_fields(container, known=_CONTAINER, where="PrimaryContainer")
        if flag(request, "EnableNetworkIsolation"):
            raise AwsError.validation("EnableNetworkIsolation: a local process cannot be cut off the network")
        self._images.find(text(container, "Image"))
        environment = texts(container, "Environment", most=ENVIRONMENT_ENTRIES, longest=ENVIRONMENT_LENGTH)
        return self._add(
            self._models,
            {**_without_tags(request), "PrimaryContainer": {**container, "Environment": environment}},
            key=model,
            kind=("model", "ModelArn", "model"),
        )

    def create_config(self, request: Request) -> JsonObject:
        """CreateEndpointConfig. A DataCaptureConfig is checked and described, but nothing is recorded here.

        Raises:
            AwsError: for a name that is taken, or a model that is not there.
        """
        check_fields(request, known=_CONFIG, where="CreateEndpointConfig")
        config = name(request, "EndpointConfigName")
        variants = objects(request, "ProductionVariants")
        if not 1 <= len(variants) <= 10:
            raise AwsError.validation(f"ProductionVariants: {len(variants)} variants, 1 to 10 are taken")
        checked = [_variant(variant) for variant in variants]
        if request.get("DataCaptureConfig") is not None:
            _check_capture(mapping(request, "DataCaptureConfig"))
        with self._lock:
            for variant in checked:
                self._model(text(variant, "ModelName"))
        return self._add(
            self._configs,
            {**_without_tags(request), "ProductionVariants": checked},
            key=config,
            kind=("endpoint configuration", "EndpointConfigArn", "endpoint-config"),
        )

    def describe_model(self, request: Request) -> JsonObject:
        """DescribeModel."""
        with self._lock:
            return dict(self._model(text(request, "ModelName")))

    def describe_config(self, request: Request) -> JsonObject:
        """DescribeEndpointConfig."""
        return self.config(text(request, "EndpointConfigName"))

    def delete_model(self, request: Request) -> JsonObject:
        """DeleteModel: what runs from it goes on running."""
        model = text(request, "ModelName")
        with self._lock:
            self._model(model)
            del self._models[model]
        return {}

    def delete_config(self, request: Request) -> JsonObject:
        """DeleteEndpointConfig, even of one that serves: as on AWS, that endpoint can then be neither updated nor mended."""
        config = text(request, "EndpointConfigName")
        with self._lock:
            self._config(config)
            del self._configs[config]
        return {}

    def config(self, config: str) -> JsonObject:
        """Return what a config says.

        Raises:
            AwsError: when there is none.
        """
        with self._lock:
            return dict(self._config(config))

    def plan(self, *, endpoint_name: str, config: str, counts: dict[str, int] | None = None) -> FleetPlan:
        """Return what `config` says now; `counts` are instance counts that stay as they are.

        Raises:
            AwsError: when the config, a model or an image is not there.
        """
        with self._lock:
            found = self._config(config)
            variants = tuple(self._plan_variant(variant) for variant in objects(found, "ProductionVariants"))
        kept = counts or {}
        return FleetPlan(
            endpoint_name=endpoint_name,
            config_name=config,
            variants=tuple(replace(variant, count=kept.get(variant.name, variant.count)) for variant in variants),
        )

    def _plan_variant(self, variant: Request) -> VariantPlan:
        container = mapping(self._model(text(variant, "ModelName")), "PrimaryContainer")
        return VariantPlan(
            name=text(variant, "VariantName"),
            image=self._images.find(text(container, "Image")),
            environment=texts(container, "Environment", most=ENVIRONMENT_ENTRIES, longest=ENVIRONMENT_LENGTH),
            count=whole(variant, "InitialInstanceCount", least=1, most=100),
            weight=number(variant, "InitialVariantWeight", default=1.0),
            startup_seconds=whole(
                variant,
                "ContainerStartupHealthCheckTimeoutInSeconds",
                least=60,
                most=3600,
                default=DEFAULT_STARTUP_SECONDS,
            ),
        )

    def _add(
        self, table: dict[str, JsonObject], record: JsonObject, *, key: str, kind: tuple[str, str, str]
    ) -> JsonObject:
        words, field, arn_kind = kind
        arn = self._account.arn(kind=arn_kind, name=key)
        with self._lock:
            if key in table:
                raise AwsError.already_there(kind=words, arn=arn)
            table[key] = {**record, field: arn, "CreationTime": time.time()}
        return {field: arn}

    def _model(self, model: str) -> JsonObject:
        if model not in self._models:
            raise AwsError.not_found(kind="model", arn=self._account.arn(kind="model", name=model))
        return self._models[model]

    def _config(self, config: str) -> JsonObject:
        if config not in self._configs:
            arn = self._account.arn(kind="endpoint-config", name=config)
            raise AwsError.not_found(kind="endpoint configuration", arn=arn)
        return self._configs[config]


def _variant(variant: Request) -> JsonObject:
    check_fields(variant, known=_VARIANT, where="ProductionVariants")
    name(variant, "VariantName")
    name(variant, "ModelName")
    text(variant, "InstanceType")
    checked: JsonObject = {
        **variant,
        "InitialInstanceCount": whole(variant, "InitialInstanceCount", least=1, most=100),
        "InitialVariantWeight": number(variant, "InitialVariantWeight", default=1.0),
    }
    for field, least, most in (
        ("ContainerStartupHealthCheckTimeoutInSeconds", 60, 3600),
        ("ModelDataDownloadTimeoutInSeconds", 60, 3600),
        ("VolumeSizeInGB", 1, 512),
    ):
        if variant.get(field) is not None:
            checked[field] = whole(variant, field, least=least, most=most)
    return checked


def _check_capture(capture: Request) -> None:
    check_fields(capture, known=_CAPTURE, where="DataCaptureConfig")
    whole(capture, "InitialSamplingPercentage", least=0, most=100)
    if not text(capture, "DestinationS3Uri").startswith("s3://"):
        raise AwsError.validation(f"DestinationS3Uri: {capture['DestinationS3Uri']!r} is not an S3 URI")
    modes = [text(option, "CaptureMode") for option in objects(capture, "CaptureOptions")]
    if not modes or set(modes) - {"Input", "Output", "InputAndOutput"}:
        raise AwsError.validation(f"CaptureOptions: {modes} are not capture modes")


def _without_tags(request: Request) -> JsonObject:
    return {field: value for field, value in request.items() if field != "Tags"}
