"""A release was registered: inspect every byte of it that can reach a container, and sign what was found."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Protocol

import boto3

from weighbridge.cloud import SHORT
from weighbridge.errors import WeighbridgeError
from weighbridge.inspection.environment import InspectionOrder, InspectorEnvironment
from weighbridge.inspection.released import Inspection, InspectionAnswer, inspect_registered
from weighbridge.inspection.scanners import HaywardScanner, Limits
from weighbridge.inspection.second_look import Room
from weighbridge.ledger.events import EventBridgeSink, tell
from weighbridge.logs import JsonLog, system_clock
from weighbridge.registry import ArtifactoryClient, open_origin
from weighbridge.trust import load_signer


class InspectorContext(Protocol):
    """What is needed of Lambda's context object."""

    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that is left, in milliseconds."""
        ...


def handler(event: Mapping[str, object], context: InspectorContext) -> InspectionAnswer:
    """Inspect one version and tell the ledger; an error makes whoever called repeat it, and a blocked release is an answer, not an error."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    environment = InspectorEnvironment.read(os.environ)
    session = boto3.Session()
    try:
        order = InspectionOrder.read(event)
        tokens = open_origin(environment.token, url=environment.registry_url, session=session, config=SHORT)
        done = inspect_registered(
            client=ArtifactoryClient(url=environment.registry_url, tokens=tokens),
            layout=environment.layout,
            name=order.model,
            version=order.version,
            signer=load_signer(environment.key, kms_client=session.client("kms", config=SHORT)),
            now=system_clock(),
            room=_room(environment, context),
        )
        _tell(done, environment=environment, session=session, actor=context.invoked_function_arn)
    except WeighbridgeError as error:
        log.error("not-inspected", rule=error.rule, message=str(error))
        raise
    answer = done.answer()
    log.event("inspected", **answer)
    return answer


def _room(environment: InspectorEnvironment, context: InspectorContext) -> Room:
    def scanner(seconds: int) -> HaywardScanner:
        return HaywardScanner(limits=Limits(seconds=seconds, memory=environment.scanner_memory))

    return Room(
        scanner=None if environment.scanner is None else scanner,
        largest=scanner(1).largest,
        left=lambda: context.get_remaining_time_in_millis() / 1000,
    )


def _tell(done: Inspection, *, environment: InspectorEnvironment, session: boto3.Session, actor: str) -> None:
    if environment.events_bus is None:
        return
    event = tell.inspected(
        release=done.release,
        verdict=done.verdict,
        statement=done.statement,
        channel=environment.layout.channel,
        environment=environment.environment,
        actor=actor,
        at=system_clock(),
    )
    EventBridgeSink(client=session.client("events", config=SHORT), bus=environment.events_bus).emit(event=event)
