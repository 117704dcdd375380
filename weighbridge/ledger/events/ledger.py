"""What every event ledger can do, and what those need who only tell it something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from weighbridge.errors import ConflictError
from weighbridge.ledger.events.entry import Entry, Head, StoredEntry
from weighbridge.ledger.events.event import Event


class EventSink(Protocol):
    """Where producers tell what happened: a ledger, or the bus that leads to its writer."""

    def emit(self, *, event: Event) -> None:
        """Tell of one event. Telling it again is success.

        Raises:
            ConflictError: another event bears its id.
            CloudError, InputError: it could not be told.
        """
        ...


class EventLedger(Protocol):
    """Events of one account and region, in one chain. Implementations keep one contract (tests/unit/ledger)."""

    def append(self, *, event: Event) -> Entry:
        """Put `event` at the end of the chain, and return its entry.

        An event whose id is there is not put a second time: the entry that stands is returned.

        Raises:
            ConflictError: another event bears that id; or many writers at once, and this one came last too often.
            CloudError, InputError: the ledger could not be written.
        """
        ...

    def emit(self, *, event: Event) -> None:
        """See `EventSink.emit`: `append`, for who needs no answer."""
        ...

    def find(self, *, event_id: str) -> Entry | None:
        """Return the entry of the event with that id, or None.

        Raises:
            TrustError: what lies there is no entry.
        """
        ...

    def head(self) -> Head | None:
        """Return the newest entry's number and digest; None for an empty ledger."""
        ...

    def stored(self, *, after: int = 0) -> Iterator[StoredEntry]:
        """Yield what lies under the numbers after `after`, in order, unverified."""
        ...

    def events(self, *, after: int = 0) -> Iterator[Entry]:
        """Yield the entries after number `after`, in order. Each is parsed; `verify_chain` verifies how they hang together.

        Raises:
            TrustError: rule `refused.event`, when one is no entry.
        """
        ...


def standing(entry: Entry, *, event: Event) -> Entry:
    """Return the entry that stands under the id of `event`, if it tells of the same thing.

    Raises:
        ConflictError: when it does not.
    """
    if not entry.event.says_the_same_as(event):
        raise ConflictError(
            f"ledger: event {event.id} is number {entry.sequence} already and tells of something else: give the new "
            "event an id of its own",
            rule="conflict.event",
        )
    return entry
