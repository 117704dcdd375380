"""What was told against what is signed: the ledger's events, the environment's acceptances, the signatures that AWS counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from weighbridge.audit.findings import Finding
from weighbridge.audit.signed import Signed
from weighbridge.ledger.events import Entry, Event, Verdict, tell
from weighbridge.names import Digest
from weighbridge.resolution import Acceptance
from weighbridge.trust import Promotion

# A command signs, publishes, and tells; a function's event waits in a queue.
NEAR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Signing:
    """One signature that AWS counted: CloudTrail's event of kms:Sign. `role` is the channel's role whose key it is."""

    id: str
    role: str
    actor: str
    at: datetime


def check_ledger(verdict: Verdict, *, seal_problems: Sequence[str]) -> Iterator[Finding]:
    """Yield what is wrong with the ledger itself."""
    if verdict.broken is not None:
        yield Finding(verdict.broken.rule, f"ledger entry {verdict.broken.sequence}", verdict.broken.message)
    for line in seal_problems:
        yield Finding("audit.seal", "seals", line)


def check_events(entries: Iterable[Entry], *, signed: Signed, channel: str, young: datetime) -> Iterator[Finding]:
    """Yield where ledger and channel tell different things.

    Args:
        young: promotions and revocations after this moment may not have been told yet.
    """
    events = [entry.event for entry in entries if entry.event.channel == channel]
    by_id = {event.id: event for event in events}
    promotions = {tell.promotion_event_id(item): item for item in signed.promotions}
    for event_id, promotion in promotions.items():
        yield from _promotion(by_id.get(event_id), promotion, young=young)
        yield from _glass(events, promotion, waived=signed.waived.get(promotion.digest, frozenset()))
    for event in events:
        known = event.model in signed.states
        if event.kind in ("promoted", "rolled-back") and known and event.id not in promotions:
            yield Finding(
                "audit.event-unsigned", f"{channel}/{event.model}", f"event {event.id}: no promotion is signed for it"
            )
    yield from _revocations(events, signed=signed, channel=channel, young=young)


def check_acceptances(acceptances: Iterable[Acceptance], *, signed: Signed, environment: str) -> Iterator[Finding]:
    """Yield acceptances of what the channel never promoted."""
    promotions = {(item.name, item.release_id): item for item in signed.promotions}
    for item in acceptances:
        if item.scope.model in signed.unread:
            continue
        promotion = promotions.get((item.scope.model, item.release_id))
        if promotion is None or promotion.release != item.release:
            yield Finding(
                "audit.accepted-stranger",
                f"{environment}/{item.scope.model}:{item.version}",
                f"{item.release_id} with {item.release} was accepted, and no promotion is signed for it",
            )


def check_signings(signings: Iterable[Signing], *, entries: Iterable[Entry]) -> Iterator[Finding]:
    """Yield signatures near whose time the ledger tells of nothing."""
    times = sorted(entry.event.at for entry in entries)
    for item in signings:
        if not any(abs(item.at - at) <= NEAR for at in times):
            yield Finding(
                "audit.sign-unexplained",
                f"key of {item.role}",
                f"{item.actor} signed at {item.at:%Y-%m-%dT%H:%M:%SZ} (CloudTrail {item.id}), and the ledger tells of nothing then",
            )


def _promotion(event: Event | None, promotion: Promotion, *, young: datetime) -> Iterator[Finding]:
    subject = f"{promotion.channel}/{promotion.name}:{promotion.version} ({promotion.sequence})"
    if event is None:
        if promotion.promoted_at < young:
            yield Finding(
                "audit.promotion-untold", subject, f"signed by {promotion.promoted_by}, and the ledger knows nothing"
            )
        return
    told = (event.model, event.version, event.release, event.release_id, event.actor)
    if told != (promotion.name, promotion.version, promotion.release, promotion.release_id, promotion.promoted_by):
        message = (
            f"the ledger tells of {event.version} {event.release} by {event.actor}; signed by {promotion.promoted_by}"
        )
        yield Finding("audit.promotion-differs", subject, message)


def _glass(events: Sequence[Event], promotion: Promotion, *, waived: frozenset[str]) -> Iterator[Finding]:
    told = {
        item.details.get("statements")
        for item in events
        if item.kind == "break-glass" and (item.model, item.release) == (promotion.name, promotion.release)
    }
    if waived and str(promotion.statements) not in told:
        yield Finding(
            "audit.glass-untold",
            f"{promotion.channel}/{promotion.name}:{promotion.version} ({promotion.sequence})",
            f"{promotion.promoted_by} promoted it although {', '.join(sorted(waived))} was waived, and told nobody before",
        )


def _revocations(events: Sequence[Event], *, signed: Signed, channel: str, young: datetime) -> Iterator[Finding]:
    if not signed.states:
        return
    told = {event.release: event for event in events if event.kind == "revoked"}
    listed: dict[Digest, datetime] = {
        digest: item.revoked_at for state in signed.states.values() for digest, item in state.revocations.items()
    }
    for digest, at in listed.items():
        if digest not in told and at < young:
            yield Finding(
                "audit.revocation-untold", f"{channel}: {digest}", "is on the list, and the ledger knows nothing"
            )
    for release in told:
        if release is not None and release not in listed:
            yield Finding("audit.revocation-missing", f"{channel}: {release}", "the ledger tells that it was revoked")
