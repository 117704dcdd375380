"""Events and ledgers for the tests of the event ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from weighbridge.ledger.events import Event, EventLedger
from weighbridge.names import Digest, ReleaseId

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
RELEASE = Digest.of(b"release")
RELEASE_ID = ReleaseId(sequence=1, digest=Digest.of(b"promotion"))
PROMOTED = Event(
    id="promoted:dev/minilm:1",
    kind="promoted",
    at=NOW,
    actor="alice",
    environment="dev",
    channel="dev",
    model="minilm",
    version="1.0.0",
    release=RELEASE,
    release_id=RELEASE_ID,
    details={"reason": "promote"},
)


def numbered(number: int, *, details: Mapping[str, str] | None = None) -> Event:
    """Return one of many different events."""
    return replace(PROMOTED, id=f"event-{number}", at=NOW + timedelta(seconds=number), details=details or {})


def fill(ledger: EventLedger, count: int) -> None:
    """Append `count` events."""
    for number in range(1, count + 1):
        ledger.append(event=numbered(number))
