"""Custom::WeighbridgeEndpointAssertion: parse the event, compare the endpoint with what was deployed, answer."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import boto3

from weighbridge.cloud import SHORT
from weighbridge.customresource import Attributes, Deadline, Event, LambdaContext, answer_event
from weighbridge.logs import JsonLog
from weighbridge.rollout import Expectation, StackReader, assert_endpoint, in_rollback


def handler(event: Mapping[str, object], context: LambdaContext) -> None:
    """Answer one event of CloudFormation."""
    answer_event(event, context, action=_assert, log=JsonLog(out=sys.stdout, err=sys.stderr))


def _assert(event: Event, deadline: Deadline) -> Attributes:
    session = boto3.Session()
    stack = StackReader(client=session.client("cloudformation", config=SHORT), stack_id=event.stack_id)
    config = assert_endpoint(
        Expectation.of(event),
        client=session.client("sagemaker", config=SHORT),
        rolling_back=lambda: in_rollback(stack),
        seconds_left=deadline.seconds_left,
        sleep=time.sleep,
    )
    return {"EndpointConfigName": config}
