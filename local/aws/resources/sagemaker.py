"""AWS::SageMaker::Model, EndpointConfig and Endpoint over the local SageMaker's API."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Protocol

from local.aws.handler import Json, JsonObject

POLL_SECONDS = 0.1
_NAME_LIMIT = 63
# What UpdateEndpoint takes of a template's properties, and what CreateEndpoint does.
_UPDATE = (
    "DeploymentConfig",
    "ExcludeRetainedVariantProperties",
    "RetainAllVariantProperties",
    "RetainDeploymentConfig",
)
_CREATE = ("DeploymentConfig", "Tags")
_MODEL = (
    "Containers",
    "EnableNetworkIsolation",
    "ExecutionRoleArn",
    "InferenceExecutionConfig",
    "ModelName",
    "PrimaryContainer",
    "VpcConfig",
)
_CONFIG = (
    "AsyncInferenceConfig",
    "DataCaptureConfig",
    "EnableNetworkIsolation",
    "EndpointConfigName",
    "ExecutionRoleArn",
    "ExplainerConfig",
    "KmsKeyId",
    "ProductionVariants",
    "ShadowProductionVariants",
    "VpcConfig",
)


class SageMakerApi(Protocol):
    """The control plane: one operation of the API; an exception's text is the service's message."""

    def call(self, operation: str, request: JsonObject) -> JsonObject: ...


class _Named:
    """What the three types share. The physical id is the ARN, which SageMaker writes in lower case: names are kept."""

    kind: str

    def __init__(self, api: SageMakerApi) -> None:
        self._api = api
        self._names: dict[str, str] = {}

    def _create(self, logical_id: str, request: JsonObject) -> tuple[str, JsonObject]:
        field = f"{self.kind}Name"
        name = request.get(field) or f"{logical_id[: _NAME_LIMIT - 13]}-{secrets.token_hex(6)}"
        answer = self._api.call(f"Create{self.kind}", {**request, field: name})
        arn = str(answer[f"{self.kind}Arn"])
        self._names[arn] = str(name)
        return arn, {field: name}

    def _delete(self, physical_id: str) -> None:
        name = self._names.get(physical_id)
        if name is None:
            return
        try:
            self._api.call(f"Delete{self.kind}", {f"{self.kind}Name": name})
        except Exception as error:
            if "Could not find" not in str(error):
                raise


class _Replaced(_Named):
    """A type of which nothing but tags can change, and the local SageMaker shows no tags."""

    blocks = False

    def create(self, logical_id: str, properties: JsonObject) -> tuple[str, JsonObject]:
        """Create it under a new name, unless the template names it."""
        return self._create(logical_id, properties)

    def update(self, physical_id: str, _old: JsonObject, _new: JsonObject) -> tuple[str, JsonObject]:
        """Keep it."""
        return physical_id, {f"{self.kind}Name": self._names[physical_id]}

    def delete(self, physical_id: str, _properties: JsonObject) -> None:
        """Delete it."""
        self._delete(physical_id)


class ModelHandler(_Replaced):
    """AWS::SageMaker::Model."""

    kind = "Model"
    resource_type = "AWS::SageMaker::Model"
    create_only = _MODEL


class EndpointConfigHandler(_Replaced):
    """AWS::SageMaker::EndpointConfig."""

    kind = "EndpointConfig"
    resource_type = "AWS::SageMaker::EndpointConfig"
    create_only = _CONFIG


class EndpointHandler(_Named):
    """AWS::SageMaker::Endpoint. Create and update end when the endpoint is InService or Failed.

    As on AWS, an update counts as done when the endpoint is InService again, on whichever config: SageMaker takes a bad
    rollout back by itself, and CloudFormation does not look.
    """

    kind = "Endpoint"
    resource_type = "AWS::SageMaker::Endpoint"
    create_only = ("EndpointName",)
    blocks = True

    def create(self, logical_id: str, properties: JsonObject) -> tuple[str, JsonObject]:
        """Create the endpoint and wait. One that fails is deleted, as CloudFormation's rollback does."""
        names = ("EndpointName", "EndpointConfigName", *_CREATE)
        arn, attributes = self._create(logical_id, _only(properties, names))
        try:
            self._wait(arn)
        except Exception:
            self.delete(arn, properties)
            raise
        return arn, attributes

    def update(self, physical_id: str, _old: JsonObject, new: JsonObject) -> tuple[str, JsonObject]:
        """Update the endpoint and wait."""
        name = self._names[physical_id]
        request = _only(new, ("EndpointConfigName", *_UPDATE))
        self._api.call("UpdateEndpoint", {**request, "EndpointName": name})
        self._wait(physical_id)
        return physical_id, {"EndpointName": name}

    def delete(self, physical_id: str, _properties: JsonObject) -> None:
        """Delete the endpoint and wait until it is gone."""
        self._delete(physical_id)
        while self._status(physical_id) is not None:
            time.sleep(POLL_SECONDS)

    def _wait(self, arn: str) -> None:
        while True:
            found = self._status(arn)
            if found is None:
                raise RuntimeError(f"{arn}: was deleted while it was waited for")
            if found["EndpointStatus"] == "InService":
                return
            if found["EndpointStatus"] in ("Failed", "UpdateRollbackFailed"):
                raise RuntimeError(f"{arn}: {found['EndpointStatus']}: {found.get('FailureReason', 'no reason given')}")
            time.sleep(POLL_SECONDS)

    def _status(self, arn: str) -> JsonObject | None:
        if arn not in self._names:
            return None
        try:
            return self._api.call("DescribeEndpoint", {"EndpointName": self._names[arn]})
        except Exception as error:
            if "Could not find" not in str(error):
                raise
            return None


def _only(properties: JsonObject, names: tuple[str, ...]) -> Mapping[str, Json]:
    return {name: properties[name] for name in names if name in properties}
