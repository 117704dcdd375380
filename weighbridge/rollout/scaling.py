"""Autoscaling of an endpoint's variant around rollouts: SageMaker refuses to change the instance type of a registered target.

Three moments, each of which may come twice: `pause` before the endpoint is updated, `settle` after it, `hold` when the
stack is at rest. A stack that is rolled back may call `settle` before the endpoint is back, or not at all, so what was
registered before comes back with `hold`, which EventBridge asks for.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, Self

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.customresource import Event
from weighbridge.errors import CloudError, InputError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

Metric = Literal["SageMakerVariantConcurrentRequestsPerModelHighResolution", "SageMakerVariantInvocationsPerInstance"]
# Metric types of Application Auto Scaling's PredefinedMetricSpecification.
CONCURRENCY: Metric = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
INVOCATIONS: Metric = "SageMakerVariantInvocationsPerInstance"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
NAMESPACE = "sagemaker"
RULE = "input.event"


class ScalingClient(Protocol):
    """As much of boto3's client `application-autoscaling` as is needed."""

    def register_scalable_target(self, **parameters: object) -> Mapping[str, object]: ...

    def put_scaling_policy(self, **parameters: object) -> Mapping[str, object]: ...

    def deregister_scalable_target(self, **parameters: object) -> Mapping[str, object]: ...


@dataclass(frozen=True, slots=True)
class VariantCapacity:
    """`minimum` to `maximum` instances of a variant, each kept at `target` of `metric`."""

    endpoint: str
    variant: str
    minimum: int
    maximum: int
    metric: Metric
    target: float

    @classmethod
    def of(cls, properties: Mapping[str, object]) -> Self:
        """Read `EndpointName`, `VariantName`, `Minimum`, `Maximum`, `Metric` and `Target`, numbers also as text.

        Raises:
            InputError: naming the property.
        """
        metric = _text(properties, "Metric")
        if metric not in (CONCURRENCY, INVOCATIONS):
            raise InputError(f"Metric: {metric!r} is not one of {CONCURRENCY} and {INVOCATIONS}", rule=RULE)
        minimum, maximum = _number(properties, "Minimum"), _number(properties, "Maximum")
        if not 1 <= minimum <= maximum or minimum % 1 or maximum % 1:
            raise InputError(f"Minimum: {minimum:g} to {maximum:g} instances cannot be", rule=RULE)
        return cls(
            endpoint=_text(properties, "EndpointName"),
            variant=_text(properties, "VariantName"),
            minimum=int(minimum),
            maximum=int(maximum),
            metric=metric,
            target=_number(properties, "Target"),
        )

    @property
    def resource_id(self) -> str:
        """Application Auto Scaling's name of the variant."""
        return f"endpoint/{self.endpoint}/variant/{self.variant}"

    def hold(self, client: ScalingClient) -> None:
        """Register the target and its policy, or set both to what this says.

        Raises:
            CloudError: when Application Auto Scaling refuses or does not answer.
        """
        _call(
            client.register_scalable_target,
            "RegisterScalableTarget",
            **self._target(),
            MinCapacity=self.minimum,
            MaxCapacity=self.maximum,
        )
        _call(
            client.put_scaling_policy,
            "PutScalingPolicy",
            **self._target(),
            PolicyName=f"{self.endpoint}-load",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": self.target,
                "PredefinedMetricSpecification": {"PredefinedMetricType": self.metric},
            },
        )

    def release(self, client: ScalingClient) -> None:
        """Deregister the target, which deletes its policies and their alarms; nothing when it is not registered.

        Raises:
            CloudError: when Application Auto Scaling refuses or does not answer.
        """
        _call(client.deregister_scalable_target, "DeregisterScalableTarget", **self._target())

    def _target(self) -> dict[str, object]:
        return {"ServiceNamespace": NAMESPACE, "ResourceId": self.resource_id, "ScalableDimension": DIMENSION}


def pause(event: Event, *, client: ScalingClient) -> bool:
    """Deregister before the endpoint's instance type changes, on the way forward and on the way back; return whether.

    Raises:
        InputError: naming the property that is wrong.
        CloudError: when Application Auto Scaling refuses or does not answer.
    """
    changed = event.request_type == "Update" and event.old_properties.get("InstanceType") != event.text("InstanceType")
    if changed:
        VariantCapacity.of(event.properties).release(client)
    return changed


def settle(event: Event, *, client: ScalingClient, sagemaker: SageMakerClient) -> bool:
    """Register when the endpoint runs the config that this belongs to, else deregister; return whether it is registered.

    While a stack is rolled back, the endpoint may still run the config of the way forward: it has to be free to change.

    Raises:
        InputError: naming the property that is wrong.
        CloudError: when SageMaker or Application Auto Scaling refuses or does not answer.
    """
    capacity = VariantCapacity.of(event.properties)
    if _config(sagemaker, capacity.endpoint) == event.text("EndpointConfigName"):
        capacity.hold(client)
        return True
    capacity.release(client)
    return False


def _config(client: SageMakerClient, endpoint: str) -> str:
    try:
        return client.describe_endpoint(EndpointName=endpoint).get("EndpointConfigName", "")
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"sagemaker:DescribeEndpoint on {endpoint}: {error}") from error


class _Operation(Protocol):
    def __call__(self, **parameters: object) -> Mapping[str, object]: ...


def _call(operation: _Operation, name: str, **parameters: object) -> None:
    try:
        operation(**parameters)
    except ClientError as error:
        if name == "DeregisterScalableTarget" and _not_registered(error):
            return
        raise CloudError(f"application-autoscaling:{name} on {parameters['ResourceId']}: {error}") from error
    except BotoCoreError as error:
        raise CloudError(f"application-autoscaling:{name} on {parameters['ResourceId']}: {error}") from error


def _not_registered(error: ClientError) -> bool:
    found = error.response["Error"]
    # Emulators give the message under another code.
    return found.get("Code") == "ObjectNotFoundException" or "no scalable target" in found.get("Message", "").lower()


def _text(properties: Mapping[str, object], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise InputError(f"{name}: {value!r} is not one line of text", rule=RULE)
    return value


def _number(properties: Mapping[str, object], name: str) -> float:
    value = properties.get(name)
    try:
        found = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or found <= 0:
        raise InputError(f"{name}: {value!r} is not a number above 0", rule=RULE)
    return found
