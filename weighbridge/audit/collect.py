"""Events that nobody tells, because who knows of them has no right to: out of the table of acceptances,
of approvals that were promoted with, and of load receipts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError, InputError, RefusedError
from weighbridge.ledger.events import Event, tell
from weighbridge.lineage import ChannelRecords
from weighbridge.names import Digest, ReleaseId, ReleaseReference
from weighbridge.resolution import AcceptanceStore, Scope
from weighbridge.resource_names import resource_name
from weighbridge.serving.receipt import SCHEMA
from weighbridge.trust.approval import approvals_at
from weighbridge.trust.times import parse_time
from weighbridge.verification import fetch_release

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

# A deployment resolves within minutes; CloudFormation may ask again within the hour.
PATIENCE = timedelta(hours=1)
# Twice the time between two runs, and then some: a receipt that is told twice is kept once.
RECEIPTS_OF = timedelta(hours=2)


def acceptance_events(
    *, store: AcceptanceStore, channel: str, models: Sequence[str], environment: str, now: datetime
) -> Iterator[Event]:
    """Yield what resolver and watcher remembered of every model: accepted, set back, and refused.

    Refused is an id that was asked for and not accepted within an hour: refusals, and failures of whatever kind.

    Raises:
        CloudError: when the table cannot be read.
    """
    for model in models:
        scope = Scope(channel=channel, model=model)
        history = store.history(scope)
        accepted = {item.release_id for item in history.acceptances}
        for item in history.acceptances:
            yield tell.accepted(acceptance=item, environment=environment)
        for mark in history.marks.values():
            refused = mark.kind == "tried" and mark.release_id not in accepted and now - mark.marked_at > PATIENCE
            if mark.kind == "failed" or refused:
                yield tell.marked(mark=mark, scope=scope, environment=environment)


def approval_events(*, channel: ChannelRecords, models: Sequence[str], environment: str) -> Iterator[Event]:
    """Yield the approvals that stand, signed by the approver, in the bundle of a promotion. What does not verify is left out.

    Raises:
        RegistryError: when the channel cannot be read.
    """
    for model in models:
        try:
            state = channel.reader.refresh(model)
        except RefusedError:
            continue
        for promotion in state.promotions(model):
            try:
                _, statements = fetch_release(
                    client=channel.client, layout=channel.layout, state=state, promotion=promotion
                )
            except RefusedError:
                continue
            found = approvals_at(statements, policy=state.policy, moment=promotion.promoted_at)
            for person, approval in found.items():
                yield Event(
                    id=f"approved:{promotion.channel}/{model}:{promotion.release.hex}:{Digest.of(person.encode()).hex[:16]}",
                    kind="approved",
                    at=approval.approved_at,
                    actor=approval.approver,
                    environment=environment,
                    channel=promotion.channel,
                    model=model,
                    version=promotion.version,
                    release=promotion.release,
                    details={"reason": approval.reason[:1024]},
                )


def receipt_events(
    *, client: CloudWatchLogsClient, environment: str, models: Sequence[str], now: datetime
) -> Iterator[Event]:
    """Yield the load receipts that containers logged in the last two hours. A line that is no receipt is left out.

    Needs logs:FilterLogEvents on the endpoints' log groups.

    Raises:
        CloudError: when a log group that exists cannot be read.
    """
    for model in models:
        endpoint = resource_name("weighbridge", environment, model)
        for line in _lines(client, f"/aws/sagemaker/Endpoints/{endpoint}", since=now - RECEIPTS_OF):
            event = _receipt(line, environment=environment, endpoint=endpoint)
            if event is not None:
                yield event


def _lines(client: CloudWatchLogsClient, group: str, *, since: datetime) -> Iterator[tuple[str, str, str]]:
    try:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            startTime=int(since.timestamp() * 1000),
            filterPattern=f'{{ $.schema = "{SCHEMA}" }}',
        )
        for page in pages:
            for each in page["events"]:
                yield each.get("eventId", ""), each.get("logStreamName", ""), each.get("message", "")
    except client.exceptions.ResourceNotFoundException:
        return
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"logs:FilterLogEvents on {group}: {error}") from error


def _receipt(line: tuple[str, str, str], *, environment: str, endpoint: str) -> Event | None:
    event_id, stream, message = line
    try:
        document = json.loads(message)
        reference = ReleaseReference.parse(str(document["release"]), field="release")
        return Event(
            id=f"loaded:{environment}/{endpoint}:{Digest.of(f'{stream}/{event_id}'.encode()).hex}",
            kind="loaded",
            at=parse_time(str(document["time"])[:19] + "Z", field="time"),
            actor=f"log:{endpoint}/{stream}"[:512],
            environment=environment,
            channel=str(document["channel"]),
            model=reference.name,
            version=reference.version,
            release=reference.digest,
            release_id=ReleaseId.parse(str(document["promotion"]), field="promotion"),
            details={"endpoint": endpoint, "bytes": str(document["bytes"]), "files": str(document["files"])},
        )
    except (InputError, KeyError, TypeError, ValueError):
        return None
