"""Verify a ledger: every entry, how they hang together, and what was sealed. The first bad number is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from weighbridge.errors import TrustError
from weighbridge.ledger.events.entry import FIRST_PREVIOUS, Entry, Head, StoredEntry
from weighbridge.ledger.events.seal import Seal
from weighbridge.names import Digest


@dataclass(frozen=True, slots=True)
class Break:
    """The first bad number of a ledger. `rule` is one of ledger.edited, .missing, .reordered, .forked, .cut-off."""

    sequence: int
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying found: entries that hold, the head they lead to, how far they are sealed, and the first break."""

    entries: int
    head: Head | None
    sealed: int
    broken: Break | None

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return self.broken is None


def verify_chain(*, stored: Iterable[StoredEntry], seals: Iterable[Seal] = ()) -> Verdict:
    """Verify what lies in a ledger, against verified seals.

    What was edited after the last seal is seen by the entry that follows: the number named is the entry whose bytes are not
    those that its follower names. The newest entry that is not sealed yet is vouched for by nothing.
    """
    sealed = _sealed(seals)
    last_sealed = max(sealed, default=0)
    previous: Head | None = None
    for item in stored:
        expected = 1 if previous is None else previous.sequence + 1
        broken = _check(item, expected=expected, previous=previous, sealed=sealed)
        if broken is not None:
            return Verdict(entries=min(broken.sequence, expected) - 1, head=previous, sealed=last_sealed, broken=broken)
        previous = Head(sequence=item.sequence, digest=Digest.of(item.data))
    count = 0 if previous is None else previous.sequence
    cut = None
    if last_sealed > count:
        cut = Break(
            sequence=count + 1,
            rule="ledger.cut-off",
            message=f"the ledger ends with number {count}, {last_sealed} are sealed: the tail was cut off",
        )
    return Verdict(entries=count, head=previous, sealed=last_sealed, broken=cut)


def _sealed(seals: Iterable[Seal]) -> Mapping[int, Digest]:
    return {number: digest for seal in seals for number, digest in enumerate(seal.digests, start=seal.first)}


def _check(item: StoredEntry, *, expected: int, previous: Head | None, sealed: Mapping[int, Digest]) -> Break | None:
    if item.sequence != expected:
        return Break(expected, "ledger.missing", f"number {expected} is missing: number {item.sequence} follows")
    try:
        entry = Entry.parse(item.data)
    except TrustError as error:
        return Break(expected, "ledger.edited", f"number {expected} is no entry: {error}")
    if entry.sequence != expected:
        return Break(
            expected, "ledger.reordered", f"under number {expected} lies entry {entry.sequence}: entries changed places"
        )
    follows = entry.previous == (FIRST_PREVIOUS if previous is None else previous.digest)
    held = sealed.get(expected)
    if held is not None and held != Digest.of(item.data):
        rule = "ledger.forked" if follows else "ledger.edited"
        return Break(expected, rule, f"number {expected} is not the entry that was sealed as {held}")
    if follows:
        return None
    if previous is None or (held is None and previous.sequence in sealed):
        return Break(expected, "ledger.edited", f"number {expected} does not name the entry before it")
    return Break(
        previous.sequence,
        "ledger.edited",
        f"number {previous.sequence} is not the entry that number {expected} names as the one before: one was edited",
    )
