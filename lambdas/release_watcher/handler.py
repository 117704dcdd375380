"""A stack was rolled back: parse EventBridge's event, set the release id back to what runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import boto3

from weighbridge.cloud import SHORT
from weighbridge.customresource import LambdaContext
from weighbridge.environment import required, required_name
from weighbridge.logs import JsonLog, system_clock
from weighbridge.resolution import DynamoDbAcceptances, LoggedAlarms, Scope
from weighbridge.rollout import ReleaseParameter, StackEvent, StackReader, set_back


def handler(event: Mapping[str, object], _context: LambdaContext) -> None:
    """Handle one event of EventBridge; an error makes Lambda repeat it."""
    parsed = StackEvent.parse(event)
    session = boto3.Session()
    done = set_back(
        parsed,
        scope=Scope(
            channel=required_name(os.environ, "WEIGHBRIDGE_CHANNEL"),
            model=required_name(os.environ, "WEIGHBRIDGE_MODEL"),
        ),
        stack=StackReader(client=session.client("cloudformation", config=SHORT), stack_id=parsed.stack_id),
        parameter=ReleaseParameter(
            client=session.client("ssm", config=SHORT), name=required(os.environ, "WEIGHBRIDGE_RELEASE_PARAMETER")
        ),
        store=DynamoDbAcceptances(
            client=session.client("dynamodb", config=SHORT), table=required(os.environ, "WEIGHBRIDGE_ACCEPTANCE_TABLE")
        ),
        alarms=LoggedAlarms(out=sys.stdout),
        now=system_clock(),
    )
    # Who follows a promotion that failed finds its end here; else the one that runs.
    subject = done.failed[0] if done.failed else done.running
    JsonLog(out=sys.stdout, err=sys.stderr).correlated(subject).event(
        "rolled-back",
        stack=parsed.stack_id,
        running=None if done.running is None else str(done.running),
        failed=",".join(map(str, done.failed)) or None,
        parameter_set=done.parameter_set,
        why=done.why,
    )
