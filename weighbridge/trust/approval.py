"""What people state about a release for one channel: approvals, and waivers in an emergency (break glass).

Both count at the moment of the promotion that they belong to: what has expired before it counts for nothing, and what
expires after it changes nothing of what runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError
from weighbridge.names import check_name
from weighbridge.trust import fields
from weighbridge.trust.policy import Policy
from weighbridge.trust.principals import principal_of
from weighbridge.trust.statements import Statement
from weighbridge.trust.times import format_time, parse_time

APPROVAL_TYPE = "urn:weighbridge:approval:v1"
BREAK_GLASS_TYPE = "urn:weighbridge:break-glass:v1"
BREAK_GLASS_ROLE = "breakglass"
BREAK_GLASS_PEOPLE = 2
MOST_WAIVER_HOURS = 72
WAIVABLE = ("approvals", "licences", "separation", "soak")
_APPROVAL_KEYS = frozenset({"channel", "approver", "reason", "approved_at", "expires", "event"})
_BREAK_GLASS_KEYS = frozenset({"channel", "waives", "reason", "opened_at", "expires"})


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's approval. `approver` is the ARN that STS gave for the caller, `event` the digest of the ledger's entry.

    Raises:
        InputError: naming the field.
    """

    channel: str
    approver: str
    reason: str
    approved_at: datetime
    expires: datetime
    event: str

    def __post_init__(self) -> None:
        check_name(self.channel, field="approval channel")
        document = self.predicate()
        for name in ("approver", "reason", "event"):
            fields.text(document, name, limit=512)
        if self.expires <= self.approved_at:
            raise InputError("approval expires: must be after approved_at")

    def predicate(self) -> JsonObject:
        """Return the statement's predicate."""
        return {
            "channel": self.channel,
            "approver": self.approver,
            "reason": self.reason,
            "approved_at": format_time(self.approved_at),
            "expires": format_time(self.expires),
            "event": self.event,
        }

    @classmethod
    def read(cls, predicate: Mapping[str, Json]) -> Self:
        """Read a verified statement's predicate.

        Raises:
            InputError: naming the field.
        """
        fields.check_exactly(predicate, keys=_APPROVAL_KEYS)
        return cls(
            channel=fields.text(predicate, "channel"),
            approver=fields.text(predicate, "approver", limit=512),
            reason=fields.text(predicate, "reason", limit=512),
            approved_at=parse_time(fields.text(predicate, "approved_at"), field="approved_at"),
            expires=parse_time(fields.text(predicate, "expires"), field="expires"),
            event=fields.text(predicate, "event", limit=512),
        )


@dataclass(frozen=True, slots=True)
class Waiver:
    """One person's part of breaking the glass: gates that need not hold for one release in one channel, for at most
    `MOST_WAIVER_HOURS`.

    Raises:
        InputError: naming the field; signatures, revocations, digests and inspections cannot be waived.
    """

    channel: str
    waives: tuple[str, ...]
    reason: str
    opened_at: datetime
    expires: datetime

    def __post_init__(self) -> None:
        check_name(self.channel, field="break-glass channel")
        unknown = sorted(set(self.waives) - set(WAIVABLE))
        if unknown or not self.waives:
            raise InputError(f"break-glass waives: {unknown or 'nothing'}: give some of {', '.join(WAIVABLE)}")
        fields.text(self.predicate(), "reason", limit=512)
        if self.expires <= self.opened_at:
            raise InputError("break-glass expires: must be after opened_at")
        if self.expires > self.opened_at + timedelta(hours=MOST_WAIVER_HOURS):
            raise InputError(f"break-glass expires: must be within {MOST_WAIVER_HOURS} hours of opened_at")

    def predicate(self) -> JsonObject:
        """Return the statement's predicate."""
        return {
            "channel": self.channel,
            "waives": sorted(self.waives),
            "reason": self.reason,
            "opened_at": format_time(self.opened_at),
            "expires": format_time(self.expires),
        }

    @classmethod
    def read(cls, predicate: Mapping[str, Json]) -> Self:
        """Read a verified statement's predicate.

        Raises:
            InputError: naming the field.
        """
        fields.check_exactly(predicate, keys=_BREAK_GLASS_KEYS)
        return cls(
            channel=fields.text(predicate, "channel"),
            waives=fields.texts(predicate, "waives"),
            reason=fields.text(predicate, "reason", limit=512),
            opened_at=parse_time(fields.text(predicate, "opened_at"), field="opened_at"),
            expires=parse_time(fields.text(predicate, "expires"), field="expires"),
        )


def approvals_at(statements: Iterable[Statement], *, policy: Policy, moment: datetime) -> Mapping[str, Approval]:
    """Return the approvals for the policy's channel that count at `moment`, one for each distinct person.

    Only statements by a key that the policy lets approve count, for no longer than the policy allows.
    """
    allowed, terms = policy.keys_for(APPROVAL_TYPE).keys(), policy.gates.approvals
    found: dict[str, Approval] = {}
    for statement in statements:
        if statement.predicate_type != APPROVAL_TYPE or allowed.isdisjoint(statement.signed_by):
            continue
        try:
            approval = Approval.read(statement.predicate)
        except InputError:
            continue
        longest = None if terms is None else terms.days * 86400
        lasts = (approval.expires - approval.approved_at).total_seconds()
        if longest is not None and lasts > longest:
            continue
        if approval.channel == policy.channel and approval.approved_at <= moment < approval.expires:
            found.setdefault(principal_of(approval.approver), approval)
    return found


def waived_at(statements: Iterable[Statement], *, policy: Policy, moment: datetime) -> frozenset[str]:
    """Return the gates that at least two people waived for the policy's channel, at `moment`."""
    holders: dict[str, set[str]] = {}
    keys = policy.roles.get(BREAK_GLASS_ROLE, ())
    for statement in statements:
        signed_by = tuple(item for item in statement.signed_by if item in keys)
        if statement.predicate_type != BREAK_GLASS_TYPE or not signed_by:
            continue
        try:
            waiver = Waiver.read(statement.predicate)
        except InputError:
            continue
        if waiver.channel == policy.channel and waiver.opened_at <= moment < waiver.expires:
            for gate in waiver.waives:
                holders.setdefault(gate, set()).update(policy.gates.people(signed_by))
    return frozenset(gate for gate, people in holders.items() if len(people) >= BREAK_GLASS_PEOPLE)
