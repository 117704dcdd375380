"""Events came off the queue: chain them, in order."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

import boto3

from weighbridge.cloud import SHORT
from weighbridge.environment import required
from weighbridge.ledger.events import DynamoDbEvents, write_messages
from weighbridge.logs import JsonLog, system_clock
from weighbridge.metrics import GLASS_BROKEN, Measurement, embedded


def handler(event: Mapping[str, Sequence[Mapping[str, object]]], _context: object) -> Mapping[str, object]:
    """Write one batch of SQS messages; answer which of them are to be given again."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    environment = required(os.environ, "WEIGHBRIDGE_ENVIRONMENT")
    client = boto3.Session().client("dynamodb", config=SHORT)
    ledger = DynamoDbEvents(client=client, table=required(os.environ, "WEIGHBRIDGE_EVENTS_TABLE"))
    done = write_messages(event["Records"], ledger=ledger)
    for line in done.rejected:
        log.error("event-rejected", rule="refused.event", message=line)
    for event_of_glass in done.glass:
        metrics = embedded(
            Measurement(GLASS_BROKEN, 1, "Count"),
            dimensions={"Environment": environment},
            by=[["Environment"]],
            at=system_clock(),
        )
        log.measured("glass-broken", metrics, id=event_of_glass.id, actor=event_of_glass.actor)
    log.event("chained", entries=len(done.entries), again=len(done.again))
    return {"batchItemFailures": [{"itemIdentifier": each} for each in done.again]}
