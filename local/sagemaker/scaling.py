"""Application Auto Scaling as far as SageMaker minds it: which variants are registered, and by which policies. Nothing scales.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_Operations.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from local.sagemaker.errors import AwsError
from local.sagemaker.shapes import JsonObject, Request, check_fields, mapping, text, whole

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_TARGET = frozenset({"ServiceNamespace", "ResourceId", "ScalableDimension"})
_REGISTER = _TARGET | {"MinCapacity", "MaxCapacity"}
_POLICY = _TARGET | {"PolicyName", "PolicyType", "TargetTrackingScalingPolicyConfiguration"}


class ScalableTargets:
    """Scalable targets of variants (`endpoint/NAME/variant/NAME`) and their policies."""

    def __init__(self, *, exists: Callable[[str], bool]) -> None:
        """Start with none; `exists` says whether there is an endpoint of a name."""
        self._exists = exists
        self._lock = threading.Lock()
        self._targets: dict[str, JsonObject] = {}
        self._policies: dict[tuple[str, str], JsonObject] = {}

    def holds(self, endpoint_name: str, variant_name: str) -> bool:
        """Whether a variant is registered."""
        with self._lock:
            return f"endpoint/{endpoint_name}/variant/{variant_name}" in self._targets

    def register(self, request: Request) -> JsonObject:
        """RegisterScalableTarget: registers, or changes the capacities."""
        check_fields(request, known=_REGISTER, where="RegisterScalableTarget")
        resource = _resource(request)
        least, most = (whole(request, field, least=1, most=1000) for field in ("MinCapacity", "MaxCapacity"))
        if least > most:
            raise AwsError.validation("Maximum capacity cannot be less than minimum capacity")
        if not self._exists(resource.split("/")[1]):
            raise AwsError.validation(f"SageMaker endpoint variant not found: {resource}")
        with self._lock:
            self._targets[resource] = {**request, "MinCapacity": least, "MaxCapacity": most}
        return {}

    def deregister(self, request: Request) -> JsonObject:
        """DeregisterScalableTarget: deletes its policies, too."""
        check_fields(request, known=_TARGET, where="DeregisterScalableTarget")
        resource = _resource(request)
        with self._lock:
            if self._targets.pop(resource, None) is None:
                raise _not_found(resource)
            self._policies = {key: policy for key, policy in self._policies.items() if key[0] != resource}
        return {}

    def put_policy(self, request: Request) -> JsonObject:
        """PutScalingPolicy, of target tracking."""
        check_fields(request, known=_POLICY, where="PutScalingPolicy")
        resource, name = _resource(request), text(request, "PolicyName")
        mapping(request, "TargetTrackingScalingPolicyConfiguration")
        with self._lock:
            if resource not in self._targets:
                raise _not_found(resource)
            self._policies[resource, name] = {**request}
        return {"PolicyARN": f"arn:aws:autoscaling:policy/{resource}:{name}", "Alarms": []}

    def describe(self, _request: Request) -> JsonObject:
        """DescribeScalableTargets, on one page."""
        with self._lock:
            return {"ScalableTargets": list(self._targets.values())}

    def describe_policies(self, _request: Request) -> JsonObject:
        """DescribeScalingPolicies, on one page."""
        with self._lock:
            return {"ScalingPolicies": list(self._policies.values())}


def _resource(request: Request) -> str:
    resource = text(request, "ResourceId")
    parts = resource.split("/")
    if (text(request, "ServiceNamespace"), text(request, "ScalableDimension")) != ("sagemaker", DIMENSION):
        raise AwsError.validation("the local SageMaker scales variants of endpoints alone")
    if len(parts) != 4 or parts[::2] != ["endpoint", "variant"]:
        raise AwsError.validation(f"Unsupported resource id: {resource}")
    return resource


def _not_found(resource: str) -> AwsError:
    return AwsError("ObjectNotFoundException", f"No scalable target registered for resource ID: {resource}")
