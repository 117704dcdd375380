"""What SageMaker says that runs: endpoints, the containers behind each variant or component, and the images deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.admission.catalogue import SageMakerCatalogue, missing
from weighbridge.checks.rule import containers, entries, mapping
from weighbridge.errors import CloudError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

# Describe calls of an account are throttled together; adaptive retries slow down instead of failing.
PATIENT = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 8, "mode": "adaptive"})
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
RUNNING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"})
AT_REST = frozenset({"InService", "UpdateRollbackFailed"})
_VARIANTS = ("ProductionVariants", "ShadowProductionVariants")


@dataclass(frozen=True, slots=True)
class Workload:
    """One variant or inference component. `images` are what runs, by digest where SageMaker says so; None: not known.

    `model` is DescribeModel's answer, or what stands for it; None when the model was deleted. `component` is whether it is a
    component, which may run nothing; `whole` whether network and isolation are the model's own, not the endpoint's.
    """

    place: str
    model_name: str
    model: Mapping[str, object] | None
    images: tuple[str, ...] | None
    component: bool = False
    whole: bool = True

    def containers(self) -> list[tuple[str, Mapping[str, object]]]:
        """Return the model's containers with their paths."""
        return [] if self.model is None else list(containers(self.model))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint that serves. `config` is None when it was deleted; `at_rest` is false while SageMaker changes it."""

    name: str
    arn: str
    config_name: str
    config: Mapping[str, object] | None
    at_rest: bool
    workloads: tuple[Workload, ...]

    @property
    def hides(self) -> bool:
        """Whether its config or a model of it was deleted, so that what runs cannot be seen whole."""
        return self.config is None or any(each.model is None for each in self.workloads)


class Survey:
    """Reads an account's endpoints in one region.

    Needs sagemaker:ListEndpoints, ListInferenceComponents, DescribeEndpoint, DescribeEndpointConfig, DescribeModel and
    DescribeInferenceComponent.
    """

    def __init__(self, *, client: SageMakerClient) -> None:
        self._client = client
        self._catalogue = SageMakerCatalogue(client=client)

    def names(self) -> tuple[str, ...]:
        """Return the names of all endpoints, sorted.

        Raises:
            CloudError: when SageMaker refuses or does not answer.
        """
        try:
            pages = self._client.get_paginator("list_endpoints").paginate()
            return tuple(sorted(each["EndpointName"] for page in pages for each in page["Endpoints"]))
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"sagemaker:ListEndpoints: {error}") from error

    def endpoint(self, name: str) -> Endpoint | None:
        """Return an endpoint; None when nothing serves there (gone, failed, being created or deleted).

        Raises:
            CloudError: when SageMaker refuses or does not answer.
        """
        found = self._describe(name)
        if found is None or found.get("EndpointStatus") not in RUNNING:
            return None
        config_name = str(found.get("EndpointConfigName", ""))
        config = self._catalogue.config(config_name) if config_name else None
        return Endpoint(
            name=name,
            arn=str(found.get("EndpointArn", "")),
            config_name=config_name,
            config=config,
            at_rest=found.get("EndpointStatus") in AT_REST,
            workloads=tuple(self._workloads(name, found, config or {})),
        )

    def _describe(self, name: str) -> Mapping[str, object] | None:
        try:
            return dict(self._client.describe_endpoint(EndpointName=name))
        except (BotoCoreError, ClientError) as error:
            if missing(error):
                return None
            raise CloudError(f"sagemaker:DescribeEndpoint on {name}: {error}") from error

    def _workloads(
        self, endpoint: str, found: Mapping[str, object], config: Mapping[str, object]
    ) -> Iterator[Workload]:
        components = False
        for kind in _VARIANTS:
            running = {each.get("VariantName"): each for each in entries(found.get(kind))}
            for variant in entries(config.get(kind)):
                place, model = str(variant.get("VariantName", "")), variant.get("ModelName")
                if not isinstance(model, str) or not model:
                    components = True
                    continue
                images = _images(entries(mapping(running.get(place)).get("DeployedImages")))
                yield Workload(place=place, model_name=model, model=self._catalogue.model(model), images=images)
        if components:
            for name in self._component_names(endpoint):
                yield from self._component(name)

    def _component_names(self, endpoint: str) -> list[str]:
        try:
            pages = self._client.get_paginator("list_inference_components").paginate(EndpointNameEquals=endpoint)
            return sorted(each["InferenceComponentName"] for page in pages for each in page["InferenceComponents"])
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"sagemaker:ListInferenceComponents of {endpoint}: {error}") from error

    def _component(self, name: str) -> Iterator[Workload]:
        try:
            found: Mapping[str, object] = dict(self._client.describe_inference_component(InferenceComponentName=name))
        except (BotoCoreError, ClientError) as error:
            if missing(error):
                return
            raise CloudError(f"sagemaker:DescribeInferenceComponent on {name}: {error}") from error
        specifications = entries(found.get("Specifications")) or [mapping(found.get("Specification"))]
        for index, specification in enumerate(specifications):
            place = name if index == 0 else f"{name}[{index}]"
            model = specification.get("ModelName")
            container = mapping(specification.get("Container"))
            images = _images([mapping(container.get("DeployedImage"))] if "DeployedImage" in container else [])
            if isinstance(model, str) and model:
                yield Workload(place, model, self._catalogue.model(model), images, component=True)
            else:
                yield Workload(place, "", _as_model(container), images, component=True, whole=False)


def _as_model(container: Mapping[str, object]) -> Mapping[str, object]:
    """Return what stands for the model of a component without one; its weights are a model's ModelDataUrl."""
    image = container.get("Image") or mapping(container.get("DeployedImage")).get("SpecifiedImage")
    return {"PrimaryContainer": {**container, "Image": image, "ModelDataUrl": container.get("ArtifactUrl")}}


def _images(deployed: Sequence[Mapping[str, object]]) -> tuple[str, ...] | None:
    found = [each.get("ResolvedImage") or each.get("SpecifiedImage") for each in deployed]
    return tuple(str(each) for each in found if each) or None
