"""On a schedule: compare what runs with what was accepted, and tell what differs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace

import boto3

from weighbridge.cloud import SHORT
from weighbridge.errors import WeighbridgeError
from weighbridge.logs import JsonLog, system_clock
from weighbridge.reconciliation import (
    PATIENT,
    DynamoDbFindings,
    EventOutlet,
    Outlet,
    PromotionQueue,
    ReconcilerEnvironment,
    ReconcilerRun,
    Reconciliation,
    RememberedChannel,
    SecurityHubOutlet,
    Survey,
)
from weighbridge.registry import FEW_RETRIES, SHORT_TIMEOUTS, ArtifactoryClient, open_origin
from weighbridge.resolution import DynamoDbAcceptances, S3Metadata


def handler(_event: Mapping[str, object], _context: object) -> None:
    """Run once; an error is one line of the log, and makes Lambda repeat the run and count a failure."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    try:
        done = _run(ReconcilerEnvironment.read(os.environ), log)()
    except WeighbridgeError as error:
        log.error("not-reconciled", rule=error.rule, message=str(error))
        raise
    log.event("told", opened=len(done.opened), repeated=len(done.repeated), resolved=len(done.resolved))


def _run(environment: ReconcilerEnvironment, log: JsonLog) -> ReconcilerRun:
    session = boto3.Session()
    url = environment.pins.registry_url
    dynamodb = session.client("dynamodb", config=SHORT)
    acceptances = DynamoDbAcceptances(client=dynamodb, table=environment.acceptance_table)
    outlets: list[Outlet] = [EventOutlet(client=session.client("events", config=SHORT))]
    if environment.hub is not None:
        hub = session.client("securityhub", config=SHORT)
        outlets.append(SecurityHubOutlet(client=hub, product=environment.hub))
    tokens = open_origin(environment.token, url=url, session=session, config=SHORT)
    channel = RememberedChannel(
        client=ArtifactoryClient(url=url, tokens=tokens, timeouts=SHORT_TIMEOUTS, retries=FEW_RETRIES),
        layout=environment.layout,
        root=environment.pins.root,
        metadata=S3Metadata(client=session.client("s3", config=SHORT), bucket=environment.metadata_bucket),
        acceptances=acceptances,
    )
    before = environment.source
    source = None if before is None else replace(channel, layout=before.layout, root=before.root)
    return ReconcilerRun(
        environment=environment.environment,
        reconciliation=Reconciliation(
            survey=Survey(client=session.client("sagemaker", config=PATIENT)),
            pins=environment.pins,
            acceptances=acceptances,
            channel=channel,
            behind=environment.behind,
            except_endpoints=environment.except_endpoints,
        ),
        book=DynamoDbFindings(client=dynamodb, table=environment.findings_table),
        outlets=outlets,
        log=log,
        clock=system_clock,
        queue=None if source is None else PromotionQueue(models=environment.models, source=source, target=channel),
    )
