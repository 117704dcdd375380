"""On a schedule: tell the ledger what nobody else may tell, seal it, and audit the channel."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence

import boto3

from weighbridge.audit import AuditSources, Signing
from weighbridge.audit.cloudtrail import key_arn, last_signings
from weighbridge.audit.collect import acceptance_events, approval_events, receipt_events
from weighbridge.audit.environment import AuditorEnvironment
from weighbridge.audit.run import AuditorRun
from weighbridge.cloud import SHORT
from weighbridge.errors import WeighbridgeError
from weighbridge.ledger.events import DynamoDbEvents, Event, EventBridgeSink, S3Seals, read_seals, seal_ledger
from weighbridge.lineage import ChannelRecords, models_of
from weighbridge.logs import JsonLog, system_clock
from weighbridge.reconciliation import RememberedChannel
from weighbridge.registry import FEW_RETRIES, SHORT_TIMEOUTS, ArtifactoryClient, open_origin
from weighbridge.resolution import DynamoDbAcceptances, S3Metadata
from weighbridge.trust import ChannelState, RegistrySource, load_signer

# CloudTrail may be minutes late, and a run may fail: each signature is looked at by several.
SIGNED_HOURS = 2


def handler(_event: Mapping[str, object], _context: object) -> None:
    """Run once; an error is one line of the log, and makes Lambda repeat the run and count a failure."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    try:
        report = _run(AuditorEnvironment.read(os.environ), log)()
    except WeighbridgeError as error:
        log.error("not-audited", rule=error.rule, message=str(error))
        raise
    log.event("audit", clean=report.clean, findings=len(report.findings), failures=len(report.failures))


class _Remembered:
    def __init__(self, channel: RememberedChannel) -> None:
        self._channel = channel

    def refresh(self, name: str) -> ChannelState:
        return self._channel(name, system_clock())


def _run(environment: AuditorEnvironment, log: JsonLog) -> AuditorRun:
    session = boto3.Session()
    url, layout, name = environment.registry_url, environment.layout, environment.environment
    tokens = open_origin(environment.token, url=url, session=session, config=SHORT)
    client = ArtifactoryClient(url=url, tokens=tokens, timeouts=SHORT_TIMEOUTS, retries=FEW_RETRIES)
    s3, dynamodb = session.client("s3", config=SHORT), session.client("dynamodb", config=SHORT)
    acceptances = DynamoDbAcceptances(client=dynamodb, table=environment.acceptance_table)
    ledger = DynamoDbEvents(client=dynamodb, table=environment.events_table)
    seals = S3Seals(client=s3, bucket=environment.seals_bucket)
    kms = session.client("kms", config=SHORT)
    sealer = load_signer(environment.sealer_key, kms_client=kms)
    former = [load_signer(uri, kms_client=kms).public_key for uri in environment.former_sealer_keys]
    channel = ChannelRecords(
        layout=layout,
        client=client,
        reader=_Remembered(
            RememberedChannel(
                client=client,
                layout=layout,
                root=environment.root,
                metadata=S3Metadata(client=s3, bucket=environment.metadata_bucket),
                acceptances=acceptances,
            )
        ),
        source=RegistrySource(client=client, repository=layout.records_repository),
        root=environment.root,
    )

    def collected() -> Iterator[Event]:
        models, now = models_of(channel), system_clock()
        logs = session.client("logs", config=SHORT)
        return itertools.chain(
            acceptance_events(store=acceptances, channel=layout.channel, models=models, environment=name, now=now),
            approval_events(channel=channel, models=models, environment=name),
            receipt_events(client=logs, environment=name, models=models, now=now),
        )

    def signings() -> Sequence[Signing]:
        return last_signings(
            trail=session.client("cloudtrail", config=SHORT),
            keys=environment.watched_keys,
            arn_of=lambda uri: key_arn(uri, kms=kms),
            hours=SIGNED_HOURS,
            now=system_clock(),
        )

    return AuditorRun(
        sources=AuditSources(
            channel=channel,
            files=client,
            environment=name,
            ledger=ledger,
            seals=lambda: read_seals(store=seals, keys=[sealer.public_key, *former], ledger=name),
            acceptances=acceptances,
            signings=signings if environment.watched_keys else None,
        ),
        ledger=ledger,
        sink=EventBridgeSink(client=session.client("events", config=SHORT), bus=environment.events_bus),
        collected=collected,
        seal=lambda: seal_ledger(
            ledger=ledger, store=seals, signer=sealer, name=name, now=system_clock(), former=former
        ),
        log=log,
        clock=system_clock,
    )
