"""Custom::WeighbridgePromotedModel: parse the event, resolve, answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial

import boto3

from weighbridge.cloud import SHORT
from weighbridge.customresource import Attributes, Deadline, Event, LambdaContext, answer_event
from weighbridge.logs import JsonLog, system_clock
from weighbridge.registry import FEW_RETRIES, SHORT_TIMEOUTS, ArtifactoryClient, open_origin
from weighbridge.resolution import (
    DynamoDbAcceptances,
    LoggedAlarms,
    Memory,
    Resolver,
    S3Metadata,
    Scope,
    counted,
    request_of,
)
from weighbridge.resolution.environment import ResolverEnvironment


def handler(event: Mapping[str, object], context: LambdaContext) -> None:
    """Answer one event of CloudFormation."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    answer_event(event, context, action=partial(_resolve, log), log=log)


def _resolve(log: JsonLog, event: Event, _deadline: Deadline) -> Attributes:
    request = request_of(event)
    environment = ResolverEnvironment.read(os.environ)
    found = counted(
        lambda: _resolver(environment).resolve(request),
        scope=Scope(channel=environment.layout.channel, model=request.model),
        log=log.correlated(request.release_id),
    )
    return found.attributes()


def _resolver(environment: ResolverEnvironment) -> Resolver:
    # Clients are made in the thread that uses them: making them from boto3's default session is not safe in two.
    session = boto3.Session()
    tokens = open_origin(environment.token, url=environment.registry_url, session=session, config=SHORT)
    return Resolver(
        client=ArtifactoryClient(
            url=environment.registry_url, tokens=tokens, timeouts=SHORT_TIMEOUTS, retries=FEW_RETRIES
        ),
        layout=environment.layout,
        root=environment.root,
        memory=Memory(
            acceptances=DynamoDbAcceptances(
                client=session.client("dynamodb", config=SHORT), table=environment.acceptance_table
            ),
            metadata=S3Metadata(client=session.client("s3", config=SHORT), bucket=environment.metadata_bucket),
        ),
        alarms=LoggedAlarms(out=sys.stdout),
        clock=system_clock,
    )
