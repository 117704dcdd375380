"""How an update moves traffic: the DeploymentConfig of UpdateEndpoint as steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from local.sagemaker.errors import AwsError
from local.sagemaker.shapes import Request, check_fields, mapping, required, text, whole

_POLICY = frozenset({
    "TrafficRoutingConfiguration", "TerminationWaitInSeconds", "MaximumExecutionTimeoutInSeconds"
})  # fmt: skip
_ROUTING = frozenset({"Type", "WaitIntervalInSeconds", "CanarySize", "LinearStepSize"})


@dataclass(frozen=True, slots=True)
class Rollout:
    """`shares` of the traffic that the new fleet gets, step by step, the last being 1. `wait_seconds` are waited after
    each of them, `termination_wait_seconds` before the old fleet ends."""

    shares: tuple[float, ...] = (1.0,)
    wait_seconds: int = 0
    termination_wait_seconds: int = 0


def parse_rollout(deployment: Request, *, instances: int) -> Rollout:
    """Read a DeploymentConfig for a variant of `instances` instances; an empty one is AWS's default, all at once.

    Raises:
        AwsError: ValidationException, for what AWS refuses, and for rolling updates, which are not done here.
    """
    check_fields(deployment, known=frozenset({"BlueGreenUpdatePolicy", "AutoRollbackConfiguration"}), where="DeploymentConfig")  # fmt: skip
    policy = mapping(deployment, "BlueGreenUpdatePolicy")
    if not policy:
        return Rollout()
    check_fields(policy, known=_POLICY, where="BlueGreenUpdatePolicy")
    required(policy, "TrafficRoutingConfiguration")
    routing = mapping(policy, "TrafficRoutingConfiguration")
    check_fields(routing, known=_ROUTING, where="TrafficRoutingConfiguration")
    return Rollout(
        shares=_shares(routing, instances=instances),
        wait_seconds=whole(routing, "WaitIntervalInSeconds", least=0, most=3600),
        termination_wait_seconds=whole(policy, "TerminationWaitInSeconds", least=0, most=3600, default=0),
    )


def _shares(routing: Request, *, instances: int) -> tuple[float, ...]:
    kind = text(routing, "Type")
    if kind == "ALL_AT_ONCE":
        return (1.0,)
    if kind == "CANARY":
        return (_size(routing, "CanarySize", instances=instances), 1.0)
    if kind == "LINEAR":
        step = _size(routing, "LinearStepSize", instances=instances)
        steps = [step * number for number in range(1, math.ceil(1 / step))]
        return (*(share for share in steps if share < 1.0), 1.0)
    raise AwsError.validation(f"TrafficRoutingConfiguration.Type: {kind!r} is not ALL_AT_ONCE, CANARY or LINEAR")


def _size(routing: Request, field: str, *, instances: int) -> float:
    required(routing, field)
    size = mapping(routing, field)
    value = whole(size, "Value", least=1, most=100)
    kind = text(size, "Type")
    if kind not in ("INSTANCE_COUNT", "CAPACITY_PERCENT"):
        raise AwsError.validation(f"{field}.Type: {kind!r} is not INSTANCE_COUNT or CAPACITY_PERCENT")
    share = value / 100 if kind == "CAPACITY_PERCENT" else value / instances
    if share > 0.5:
        raise AwsError.validation(f"{field}: must be at most 50% of the variant's total instance count ({instances})")
    return share
