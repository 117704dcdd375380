"""A person approves a release for the channel: STS says who it is, the row comes first, then the signature."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import boto3

from weighbridge.approvals import (
    ApprovalAnswer,
    ApprovalOrder,
    ApprovalsEnvironment,
    Approver,
    IdentityProof,
    StsWitness,
    approve,
)
from weighbridge.cloud import SHORT
from weighbridge.errors import WeighbridgeError
from weighbridge.ledger import DynamoDbLedger
from weighbridge.ledger.events import EventBridgeSink
from weighbridge.logs import JsonLog, system_clock
from weighbridge.registry import ArtifactoryClient, open_origin
from weighbridge.trust import load_signer


def handler(event: Mapping[str, object], _context: object) -> ApprovalAnswer:
    """Handle `{"order": {...}, "proof": {...}}`; a refusal is an error of one line, which the caller reads."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    environment = ApprovalsEnvironment.read(os.environ)
    try:
        answer = approve(
            order=ApprovalOrder.read(event.get("order")),
            proof=IdentityProof.read(event.get("proof")),
            approver=_approver(environment),
            now=system_clock(),
        )
    except WeighbridgeError as error:
        log.error("not-approved", rule=error.rule, message=str(error))
        raise
    log.event("approved", **answer)
    return answer


def _approver(environment: ApprovalsEnvironment) -> Approver:
    session = boto3.Session()
    tokens = open_origin(environment.token, url=environment.registry_url, session=session, config=SHORT)
    bus = environment.events_bus
    return Approver(
        client=ArtifactoryClient(url=environment.registry_url, tokens=tokens),
        layout=environment.layout,
        environment=environment.environment,
        signer=load_signer(environment.key, kms_client=session.client("kms", config=SHORT)),
        ledger=DynamoDbLedger(client=session.client("dynamodb", config=SHORT), table=environment.sequences_table),
        witness=StsWitness(region=environment.region, endpoint=environment.sts_endpoint),
        approvers=environment.approvers,
        days=environment.days,
        events=None if bus is None else EventBridgeSink(client=session.client("events", config=SHORT), bus=bus),
    )
