"""A SageMaker with endpoints of a test's own, and what a channel says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from guard_world import ACCEPTED, IMAGE, NOW, PINS, Memory, config, model

from weighbridge.names import Digest
from weighbridge.reconciliation import Reconciliation, Report, Survey
from weighbridge.trust import ChannelState, Floor, Policy, Promotion
from weighbridge.trust.state import Revocation


def promotion(sequence: int = 3, *, release: Digest = ACCEPTED.release, days_ago: int = 1) -> Promotion:
    return Promotion(
        channel="prod", name="minilm", version=f"{sequence}.0.0", sequence=sequence, release=release,
        statements=Digest.of(b"statements"), source=None, source_id=None, reason="promote",
        promoted_at=NOW - timedelta(days=days_ago), promoted_by="ann",
    )  # fmt: skip


def state(*promotions: Promotion, revoked: bool = False) -> ChannelState:
    return ChannelState(
        channel="prod",
        name="minilm",
        versions=Floor({"root": 1}),
        policy=Policy(channel="prod", keys={}, roles={}, required_statements={}),
        expires=NOW + timedelta(days=1),
        read_at=NOW,
        records={each.sequence: each for each in promotions or (promotion(),)},
        revocations={ACCEPTED.release: Revocation(ACCEPTED.release, "leaks", NOW)} if revoked else {},
    )


def described(name: str, **changes: Any) -> dict[str, Any]:
    """A governed endpoint as DescribeEndpoint answers."""
    return {
        "EndpointName": name,
        "EndpointArn": f"arn:aws:sagemaker:eu-central-1:111111111111:endpoint/{name}",
        "EndpointConfigName": "config",
        "EndpointStatus": "InService",
        "ProductionVariants": [
            {"VariantName": "primary", "DeployedImages": [{"SpecifiedImage": IMAGE, "ResolvedImage": IMAGE}]}
        ],
        **changes,
    }


class _Pages:
    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self._pages = pages

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        return iter(self._pages)


@dataclass
class FakeSageMaker:
    """boto3's client, as far as a survey uses it. `broken` are names that SageMaker does not answer for."""

    endpoints: dict[str, dict[str, Any]] = field(default_factory=lambda: {"minilm": described("minilm")})
    configs: dict[str, dict[str, Any]] = field(default_factory=lambda: {"config": config()})
    models: dict[str, dict[str, Any]] = field(default_factory=lambda: {"model": model()})
    components: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def get_paginator(self, operation: str) -> _Pages:
        if operation == "list_inference_components":
            return _Pages([{"InferenceComponents": [{"InferenceComponentName": name} for name in self.components]}])
        assert operation == "list_endpoints"
        if "list" in self.broken:
            raise error("ListEndpoints", "Rate exceeded")
        return _Pages([{"Endpoints": [{"EndpointName": name}]} for name in self.endpoints])

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        return self._find("DescribeEndpoint", self.endpoints, EndpointName)

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        return self._find("DescribeEndpointConfig", self.configs, EndpointConfigName)

    def describe_model(self, *, ModelName: str) -> dict[str, Any]:  # noqa: N803
        return self._find("DescribeModel", self.models, ModelName)

    def describe_inference_component(self, *, InferenceComponentName: str) -> dict[str, Any]:  # noqa: N803
        return self._find("DescribeInferenceComponent", self.components, InferenceComponentName)

    def _find(self, operation: str, table: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
        if name in self.broken:
            raise error(operation, "Rate exceeded")
        if name not in table:
            raise error(operation, f'Could not find "{name}".')
        return table[name]


def error(operation: str, message: str) -> ClientError:
    code = "ThrottlingException" if "Rate" in message else "ValidationException"
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def look(
    sagemaker: FakeSageMaker,
    *,
    memory: Memory | None = None,
    channel: ChannelState | Exception | None = None,
    except_endpoints: tuple[str, ...] = (),
) -> Report:
    def read(_model: str, now: datetime) -> ChannelState:
        assert now == NOW
        if isinstance(channel, Exception):
            raise channel
        return channel or state()

    return Reconciliation(
        survey=Survey(client=sagemaker),  # type: ignore[arg-type]
        pins=PINS,
        acceptances=memory or Memory(),
        channel=read,
        except_endpoints=except_endpoints,
        clock=lambda: NOW,
    ).look()
