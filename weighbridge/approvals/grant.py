"""Grant an approval: know the caller, write the row, sign, and put the statement where promoting looks for it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from securesystemslib.signer import Signer

from weighbridge import canonical
from weighbridge.approvals.identity import IdentityProof
from weighbridge.approvals.order import ApprovalAnswer, ApprovalOrder
from weighbridge.errors import InputError, TrustError
from weighbridge.layout import ChannelLayout
from weighbridge.ledger import SequenceLedger
from weighbridge.ledger.events import Event, EventSink
from weighbridge.names import Digest
from weighbridge.trust import APPROVAL_TYPE, Approval, bundle, sign_statement
from weighbridge.trust.principals import principal_of
from weighbridge.trust.stores import RegistryWriter
from weighbridge.trust.times import format_time

ROLE = "approver"
# An order is signed by its giver's clock; STS takes the proof for a quarter of an hour.
_SKEW = timedelta(minutes=15)
_SESSION = re.compile(r"arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([\w+=,.@-]+)/[\w+=,.@-]+")


class Witness(Protocol):
    """Says who signed a proof; `StsWitness` asks STS."""

    def caller(self, proof: IdentityProof, *, order: Digest) -> str: ...


@dataclass(frozen=True, slots=True)
class Approver:
    """What the function works with: the registry and the channel's layout, the key, the rows, who may approve and how long.

    `events` is told before anything is signed; None where there is no ledger of events.
    """

    client: RegistryWriter
    layout: ChannelLayout
    environment: str
    signer: Signer
    ledger: SequenceLedger
    witness: Witness
    approvers: Collection[str]
    days: int
    events: EventSink | None = None


def approve(*, order: ApprovalOrder, proof: IdentityProof, approver: Approver, now: datetime) -> ApprovalAnswer:
    """Approve a release in the name of who signed the proof. Repeating the same order gives the same row.

    Raises:
        InputError: the order is for another channel, not of now, or for longer than the channel allows.
        TrustError: rule `refused.identity`; rule `refused.approver`, when the caller is not one who may approve.
        RegistryError, CloudError: registry, STS, DynamoDB or KMS could not do it; without the row nothing is signed.
    """
    if order.channel != approver.layout.channel:
        raise InputError(
            f"order channel: {order.channel!r} is not {approver.layout.channel!r}, which this function approves for"
        )
    if abs(order.approved_at - now) > _SKEW:
        raise InputError(
            f"order approved_at: {format_time(order.approved_at)} is not now: check the clock, and give it anew"
        )
    if order.expires - order.approved_at > timedelta(days=approver.days):
        raise InputError(f"order expires: is more than {approver.days} days ahead: ask for less")
    caller = approver.witness.caller(proof, order=order.digest)
    identity = iam_identity(caller)
    if identity not in approver.approvers:
        raise TrustError(
            f"{caller} may not approve for {order.channel}: add {identity} to trust.approvals.approvers and deploy",
            rule="refused.approver",
        )
    row = Digest.of(canonical.dump({"order": str(order.digest), "approver": caller}))
    person = hashlib.sha256(principal_of(caller).encode()).hexdigest()
    approver.ledger.claim(
        scope=f"{order.channel}!approvals/{order.release.hex}/{person}",
        sequence=int(order.approved_at.timestamp()),
        digest=row,
    )
    if approver.events is not None:
        approver.events.emit(event=_event(order, caller=caller, row=row, environment=approver.environment))
    statement = _write(order, caller=caller, row=row, approver=approver)
    return {
        "approver": caller,
        "expires": format_time(order.expires),
        "event": str(row),
        "statement": str(statement),
    }


def iam_identity(caller: str) -> str:
    """Return the ARN of the user, or of the role behind a session, that STS gave as `caller`."""
    match = _SESSION.fullmatch(caller)
    return caller if match is None else f"arn:{match[1]}:iam::{match[2]}:role/{match[3]}"


def _event(order: ApprovalOrder, *, caller: str, row: Digest, environment: str) -> Event:
    return Event(
        id=f"approved:{order.channel}/{order.name}:{row.hex}",
        kind="approved",
        at=order.approved_at,
        actor=caller,
        environment=environment,
        channel=order.channel,
        model=order.name,
        version=order.version,
        release=order.release,
        details={"reason": order.reason, "expires": format_time(order.expires), "row": str(row)},
    )


def _write(order: ApprovalOrder, *, caller: str, row: Digest, approver: Approver) -> Digest:
    approval = Approval(
        channel=order.channel,
        approver=caller,
        reason=order.reason,
        approved_at=order.approved_at,
        expires=order.expires,
        event=str(row),
    )
    envelope = sign_statement(
        name=order.name,
        version=order.version,
        release=order.release,
        predicate_type=APPROVAL_TYPE,
        predicate=approval.predicate(),
        signers=[approver.signer],
    )
    data = bundle([envelope])
    digest = Digest.of(data)
    path = approver.layout.later_statement_path(name=order.name, release=order.release, role=ROLE, bundle=digest)
    approver.client.deploy_bytes(repository=approver.layout.records_repository, path=path, data=data)
    return digest
