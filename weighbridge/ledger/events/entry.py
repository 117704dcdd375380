"""An entry: an event at its place in the chain. Each names the digest of the one before, so that none can be changed alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from weighbridge import canonical
from weighbridge.errors import InputError, TrustError
from weighbridge.ledger.events.event import EVENT_LIMIT, RULE, Event
from weighbridge.names import Digest
from weighbridge.trust.fields import check_keys, mapping, positive, text

SCHEMA = "weighbridge.entry/v1"
FIRST_PREVIOUS = Digest("0" * 64)
ENTRY_LIMIT = EVENT_LIMIT + 1024
_KEYS = frozenset({"schema", "sequence", "previous", "event"})


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a ledger: its number, and the digest of its bytes."""

    sequence: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """What lies in a ledger under a number: bytes that nobody has verified."""

    sequence: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, its number from 1, and the digest of the entry before (64 zeros for the first)."""

    sequence: int
    previous: Digest
    event: Event

    def to_bytes(self) -> bytes:
        """Return the canonical JSON whose SHA-256 the next entry names."""
        return canonical.dump(
            {
                "schema": SCHEMA,
                "sequence": self.sequence,
                "previous": str(self.previous),
                "event": self.event.to_json(),
            }
        )

    @property
    def digest(self) -> Digest:
        """Digest of `to_bytes`."""
        return Digest.of(self.to_bytes())

    @property
    def head(self) -> Head:
        """This entry as a ledger's head."""
        return Head(sequence=self.sequence, digest=self.digest)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the bytes of an entry; they must be canonical.

        Raises:
            TrustError: rule `refused.json` or `refused.event`.
        """
        document = canonical.parse_object(data, what="ledger entry", limit=ENTRY_LIMIT)
        try:
            check_keys(document, keys=_KEYS, schema=SCHEMA)
            found = cls(
                sequence=positive(document, "sequence"),
                previous=Digest.parse(text(document, "previous"), field="previous"),
                event=Event.from_json(dict(mapping(document, "event"))),
            )
        except InputError as error:
            raise TrustError(f"ledger entry: {error}", rule=RULE) from error
        if found.to_bytes() != data:
            raise TrustError("ledger entry: not RFC 8785 canonical JSON", rule=RULE)
        return found

    @classmethod
    def after(cls, head: Head | None, *, event: Event) -> Self:
        """Return the entry of `event` that follows `head`."""
        if head is None:
            return cls(sequence=1, previous=FIRST_PREVIOUS, event=event)
        return cls(sequence=head.sequence + 1, previous=head.digest, event=event)
