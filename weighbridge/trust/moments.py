"""When a promotion was made is its promoter's word. What else is signed bounds it, so that backdating lets nothing through.

Soak time and the end of approvals are counted by that word. It must not lie in the future, nor before the promotions that it
follows, nor before what was stated about its release (decision 19).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest
from weighbridge.trust.approval import APPROVAL_TYPE, Approval
from weighbridge.trust.inspected import INSPECTION_TYPE
from weighbridge.trust.policy import Policy
from weighbridge.trust.promotion import Promotion
from weighbridge.trust.state import ChannelState
from weighbridge.trust.statements import Statement
from weighbridge.trust.times import format_time, parse_time

RULE = "refused.time"
# Clocks of those who promote, state and read may differ by this much.
CLOCK_SKEW = timedelta(minutes=5)


def check_place(promotion: Promotion, *, state: ChannelState) -> None:
    """Check that a promotion was made neither later than it is read, nor earlier than one that it follows.

    A revoked release's promotions bind nobody: so a thief's promotion of the year 2100 is taken out of the way.

    Raises:
        TrustError: rule `refused.time`.
    """
    what = f"{state.channel}: promotion {promotion.sequence} of {promotion.name}:{promotion.version}"
    said = format_time(promotion.promoted_at)
    if promotion.promoted_at > state.read_at + CLOCK_SKEW:
        raise TrustError(
            f"{what} says that it was made at {said}, and it is {format_time(state.read_at)}: check the clock here; if it is "
            "right, revoke the release",
            rule=RULE,
        )
    before = {number: item for number, item in state.records.items() if number < promotion.sequence}
    latest = latest_of(before, revoked=state.revocations)
    if latest is not None and promotion.promoted_at < latest.promoted_at:
        raise TrustError(
            f"{what} says that it was made at {said}, before promotion {latest.sequence} of {format_time(latest.promoted_at)}: "
            "promote again",
            rule=RULE,
        )


def latest_of(records: Mapping[int, Promotion], *, revoked: Iterable[Digest]) -> Promotion | None:
    """Return the promotion with the latest time among those whose release is not revoked; None when there is none."""
    gone = frozenset(revoked)
    return max(
        (item for item in records.values() if item.release not in gone),
        key=lambda item: (item.promoted_at, item.sequence),
        default=None,
    )


def check_after_statements(
    moment: datetime, *, statements: Iterable[Statement], policy: Policy, source: Promotion | None, subject: str
) -> datetime | None:
    """Check that a promotion was not made before what its bundle holds, and return the latest of that.

    Inspections count, approvals for the channel, and the promotion in the channel before; each by a key of its role.

    Raises:
        TrustError: rule `refused.time`.
    """
    words = [item for item in (_word(statement, policy=policy) for statement in statements) if item is not None]
    if source is not None:
        words.append((source.promoted_at, f"its promotion in {source.channel}"))
    if not words:
        return None
    latest, what = max(words)
    if moment < latest - CLOCK_SKEW:
        raise TrustError(
            f"{subject}: says that it was promoted into {policy.channel} at {format_time(moment)}, before {what} of "
            f"{format_time(latest)}",
            rule=RULE,
        )
    return latest


def _word(statement: Statement, *, policy: Policy) -> tuple[datetime, str] | None:
    if policy.keys_for(statement.predicate_type).keys().isdisjoint(statement.signed_by):
        return None
    try:
        if statement.predicate_type == APPROVAL_TYPE:
            approval = Approval.read(statement.predicate)
            return (approval.approved_at, "an approval") if approval.channel == policy.channel else None
        if statement.predicate_type == INSPECTION_TYPE:
            at = statement.predicate.get("inspected_at")
            return (parse_time(at, field="inspected_at"), "the inspection") if isinstance(at, str) else None
    except InputError:
        # What cannot be read says nothing, and counts for nothing in the other gates.
        return None
    return None
