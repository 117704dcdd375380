"""On a schedule: sign the channel's snapshot and timestamp anew, and measure how long its roles last."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import boto3

from weighbridge.cloud import SHORT
from weighbridge.errors import WeighbridgeError
from weighbridge.keeper import Keeper, KeeperEnvironment, LoggedGauge
from weighbridge.ledger import DynamoDbLedger
from weighbridge.logs import JsonLog, system_clock
from weighbridge.registry import FEW_RETRIES, SHORT_TIMEOUTS, ArtifactoryClient, open_origin
from weighbridge.trust import Channel, OnlineSigners, RegistryStore, load_signer


def handler(_event: Mapping[str, object], _context: object) -> None:
    """Run once; an error is one line of the log, and makes Lambda repeat the run and count a failure."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    try:
        kept = _keeper(KeeperEnvironment.read(os.environ)).keep()
    except WeighbridgeError as error:
        log.error("channel-not-kept", rule=error.rule, message=str(error))
        raise
    log.event("channel-kept", until=kept.online.at.isoformat())


def _keeper(environment: KeeperEnvironment) -> Keeper:
    session = boto3.Session()
    tokens = open_origin(environment.token, url=environment.registry_url, session=session, config=SHORT)
    client = ArtifactoryClient(
        url=environment.registry_url, tokens=tokens, timeouts=SHORT_TIMEOUTS, retries=FEW_RETRIES
    )
    store = RegistryStore(client=client, repository=environment.records_repository)
    kms = session.client("kms", config=SHORT)
    channel = Channel(
        store=store,
        channel=environment.channel,
        root=environment.root,
        ledger=DynamoDbLedger(client=session.client("dynamodb", config=SHORT), table=environment.sequences_table),
        online=OnlineSigners(
            snapshot=load_signer(environment.snapshot_key, kms_client=kms),
            timestamp=load_signer(environment.timestamp_key, kms_client=kms),
        ),
    )
    gauge = LoggedGauge(out=sys.stdout, channel=environment.channel)
    return Keeper(channel=channel, source=store, root=environment.root, gauge=gauge, clock=system_clock)
