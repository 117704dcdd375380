"""Custom::WeighbridgeScalingPause, Custom::WeighbridgeScaling, and the end of a stack's update: capacity around rollouts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import cast

import boto3

from weighbridge.cloud import SHORT
from weighbridge.customresource import Attributes, Deadline, Event, LambdaContext, answer_event
from weighbridge.logs import JsonLog
from weighbridge.rollout import ScalingClient, VariantCapacity, pause, settle

PAUSE = "Custom::WeighbridgeScalingPause"


def handler(event: Mapping[str, object], context: LambdaContext) -> None:
    """Answer one event of CloudFormation, or hold the capacity that an event of EventBridge names; an error repeats that."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    held = event.get("Hold")
    if isinstance(held, Mapping):
        capacity = VariantCapacity.of(held)
        capacity.hold(_scaling())
        log.event("held", target=capacity.resource_id)
    elif event.get("ResourceType") == PAUSE:
        answer_event(event, context, action=_pause, log=log)
    else:
        answer_event(event, context, action=_settle, deletion=_release, log=log)


def _pause(event: Event, _deadline: Deadline) -> Attributes:
    return {"Paused": str(pause(event, client=_scaling())).lower()}


def _settle(event: Event, _deadline: Deadline) -> Attributes:
    sagemaker = boto3.Session().client("sagemaker", config=SHORT)
    return {"Registered": str(settle(event, client=_scaling(), sagemaker=sagemaker)).lower()}


def _release(event: Event, _deadline: Deadline) -> Attributes:
    VariantCapacity.of(event.properties).release(_scaling())
    return {}


def _scaling() -> ScalingClient:
    return cast(ScalingClient, boto3.Session().client("application-autoscaling", config=SHORT))
