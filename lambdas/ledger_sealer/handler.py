"""On a schedule: verify a copy of a ledger, and seal what it grew by."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import boto3

from weighbridge.cloud import SHORT
from weighbridge.environment import required, required_name
from weighbridge.errors import WeighbridgeError
from weighbridge.ledger.events import DynamoDbEvents, S3Seals, seal_ledger
from weighbridge.logs import JsonLog, system_clock
from weighbridge.trust import load_signer


def handler(_event: Mapping[str, object], _context: object) -> None:
    """Seal once; an error is one line of the log, and makes Lambda repeat the run and count a failure."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    session = boto3.Session()
    try:
        done = seal_ledger(
            ledger=DynamoDbEvents(
                client=session.client("dynamodb", config=SHORT), table=required(os.environ, "WEIGHBRIDGE_EVENTS_TABLE")
            ),
            store=S3Seals(
                client=session.client("s3", config=SHORT), bucket=required(os.environ, "WEIGHBRIDGE_SEALS_BUCKET")
            ),
            signer=load_signer(
                required(os.environ, "WEIGHBRIDGE_SEALER_KEY"), kms_client=session.client("kms", config=SHORT)
            ),
            name=required_name(os.environ, "WEIGHBRIDGE_ENVIRONMENT"),
            now=system_clock(),
        )
    except WeighbridgeError as error:
        log.error("not-sealed", rule=error.rule, message=str(error))
        raise
    log.event("sealed", head=None if done is None else done.head.sequence)
