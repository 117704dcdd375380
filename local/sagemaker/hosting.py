"""The table of endpoints: CreateEndpoint, UpdateEndpoint, DeleteEndpoint and their kin."""

from __future__ import annotations

import threading

from local.sagemaker.catalog import Catalog
from local.sagemaker.endpoints import Endpoint
from local.sagemaker.errors import AwsError
from local.sagemaker.host import Host
from local.sagemaker.invocation import Invocation, InvocationResult
from local.sagemaker.rollout import parse_rollout
from local.sagemaker.scaling import ScalableTargets
from local.sagemaker.shapes import JsonObject, Request, check_fields, flag, mapping, name, objects, text

_CREATE = frozenset({"EndpointName", "EndpointConfigName", "DeploymentConfig", "Tags"})
_UPDATE = frozenset({
    "EndpointName", "EndpointConfigName", "DeploymentConfig", "RetainAllVariantProperties",
    "ExcludeRetainedVariantProperties", "RetainDeploymentConfig",
})  # fmt: skip
_SUMMARY = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")


class Hosting:
    """Every endpoint. Changes return at once; `wait` waits for their end."""

    def __init__(self, *, host: Host, catalog: Catalog) -> None:
        self._host = host
        self._catalog = catalog
        self._lock = threading.Lock()
        self._endpoints: dict[str, Endpoint] = {}
        self.scaling = ScalableTargets(exists=self._endpoints.__contains__)

    def create(self, request: Request) -> JsonObject:
        """CreateEndpoint: the endpoint is Creating."""
        check_fields(request, known=_CREATE, where="CreateEndpoint")
        endpoint_name = name(request, "EndpointName")
        plan = self._catalog.plan(endpoint_name=endpoint_name, config=text(request, "EndpointConfigName"))
        parse_rollout(mapping(request, "DeploymentConfig"), instances=plan.variants[0].count)
        with self._lock:
            if endpoint_name in self._endpoints:
                raise AwsError.already_there(kind="endpoint", arn=self._arn(endpoint_name))
            endpoint = Endpoint(host=self._host, name=endpoint_name, plan=plan)
            self._endpoints[endpoint_name] = endpoint
        return {"EndpointArn": endpoint.arn}

    def update(self, request: Request) -> JsonObject:
        """UpdateEndpoint: the endpoint is Updating and goes on to serve."""
        check_fields(request, known=_UPDATE, where="UpdateEndpoint")
        endpoint = self.get(text(request, "EndpointName"))
        # An endpoint whose own config was deleted cannot be updated (hashicorp/terraform-provider-aws#48997).
        before = _instance_types(self._catalog.config(endpoint.config_name))
        after = _instance_types(self._catalog.config(text(request, "EndpointConfigName")))
        held = [
            name for name, kind in before.items() if after.get(name) != kind and self.scaling.holds(endpoint.name, name)
        ]
        if held:
            raise AwsError.still_scaled(variants=held)
        plan = self._catalog.plan(
            endpoint_name=endpoint.name,
            config=text(request, "EndpointConfigName"),
            counts=_kept_counts(request, endpoint=endpoint),
        )
        deployment: Request | None = mapping(request, "DeploymentConfig") or None
        if flag(request, "RetainDeploymentConfig"):
            deployment = endpoint.deployment
        rollout = parse_rollout(deployment or {}, instances=plan.variants[0].count)
        endpoint.update(plan=plan, rollout=rollout, deployment=deployment)
        return {"EndpointArn": endpoint.arn}

    def delete(self, request: Request) -> JsonObject:
        """DeleteEndpoint: the endpoint is Deleting, and then gone."""
        endpoint = self.get(text(request, "EndpointName"))

        def gone() -> None:
            with self._lock:
                del self._endpoints[endpoint.name]

        endpoint.delete(gone)
        return {}

    def describe(self, request: Request) -> JsonObject:
        """DescribeEndpoint."""
        return self.get(text(request, "EndpointName")).describe()

    def list(self, request: Request) -> JsonObject:
        """ListEndpoints, the newest first, on one page; StatusEquals and NameContains are honoured."""
        with self._lock:
            endpoints = tuple(reversed(self._endpoints.values()))
        found = [{field: shown[field] for field in _SUMMARY} for shown in (each.describe() for each in endpoints)]
        status, part = request.get("StatusEquals"), str(request.get("NameContains", ""))
        return {
            "Endpoints": [
                each for each in found if status in (None, each["EndpointStatus"]) and part in str(each["EndpointName"])
            ]
        }

    def invoke(self, endpoint_name: str, invocation: Invocation) -> InvocationResult:
        """InvokeEndpoint; see `LocalSageMaker.invoke_endpoint`."""
        with self._lock:
            endpoint = self._endpoints.get(endpoint_name)
        if endpoint is None:
            raise AwsError.no_endpoint_to_invoke(name=endpoint_name, account=self._host.account.account_id)
        return endpoint.invoke(invocation)

    def wait(self, endpoint_name: str, *, seconds: float) -> str:
        """Wait until no change is in progress; returns the status, or `Deleted`."""
        with self._lock:
            endpoint = self._endpoints.get(endpoint_name)
        return "Deleted" if endpoint is None else endpoint.wait_settled(seconds)

    def restart_instance(self, endpoint_name: str, *, index: int) -> None:
        """Replace one instance; see `LocalSageMaker.restart_instance`."""
        endpoint = self.get(endpoint_name)
        try:
            plan = self._catalog.plan(endpoint_name=endpoint_name, config=endpoint.config_name)
        except AwsError:
            plan = None
        endpoint.replace_instance(index, plan)

    def close(self) -> None:
        """End every container."""
        with self._lock:
            endpoints = tuple(self._endpoints.values())
        for endpoint in endpoints:
            endpoint.close()

    def get(self, endpoint_name: str) -> Endpoint:
        """Return an endpoint.

        Raises:
            AwsError: when there is none.
        """
        with self._lock:
            endpoint = self._endpoints.get(endpoint_name)
        if endpoint is None:
            raise AwsError.not_found(kind="endpoint", arn=self._arn(endpoint_name))
        return endpoint

    def _arn(self, endpoint_name: str) -> str:
        return self._host.account.arn(kind="endpoint", name=endpoint_name)


def _instance_types(config: Request) -> dict[str, object]:
    return {
        text(variant, "VariantName"): variant.get("InstanceType") for variant in objects(config, "ProductionVariants")
    }


def _kept_counts(request: Request, *, endpoint: Endpoint) -> dict[str, int] | None:
    """Return the instance counts that RetainAllVariantProperties keeps, whatever the new config says."""
    excluded = {entry.get("VariantPropertyType") for entry in objects(request, "ExcludeRetainedVariantProperties")}
    if not flag(request, "RetainAllVariantProperties") or "DesiredInstanceCount" in excluded:
        return None
    return endpoint.instance_counts()
