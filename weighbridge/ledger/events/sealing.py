"""Seal what a ledger grew by, and read what was sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from securesystemslib.signer import Key, Signer

from weighbridge.errors import TrustError
from weighbridge.ledger.events.ledger import EventLedger
from weighbridge.ledger.events.seal import MOST_DIGESTS, Seal, open_seal, sign_seal
from weighbridge.ledger.events.seal_stores import SealStore
from weighbridge.ledger.events.verify import Verdict, verify_chain
from weighbridge.names import Digest


@dataclass(frozen=True, slots=True)
class Seals:
    """Verified seals in order, and one line for each thing that is wrong with what lies there."""

    valid: tuple[Seal, ...]
    problems: tuple[str, ...]


def read_seals(*, store: SealStore, keys: Sequence[Key], ledger: str) -> Seals:
    """Return the seals of a ledger. What nobody of `keys` signed is left out and told: junk decides nothing.

    Args:
        store: where they lie.
        keys: the sealer's public keys, the newest first. A key counts until the first seal of a newer one.
        ledger: the ledger's name.

    Raises:
        CloudError, InputError: when the store cannot be read.
    """
    valid: list[Seal] = []
    problems: list[str] = []
    newest = len(keys)
    for first, data in store.all():
        try:
            seal, key = open_seal(data, keys=keys, ledger=ledger)
        except TrustError as error:
            problems.append(f"seal {first}: {error}")
            continue
        if key > newest:
            problems.append(f"seal {first}: was sealed by a key that had been replaced by then")
            continue
        expected = valid[-1].head.sequence + 1 if valid else 1
        if seal.first != first:
            problems.append(f"seal {first}: seals entries from {seal.first} on: it was moved")
            continue
        if seal.first != expected:
            problems.append(f"seal {first}: the one before ends with {expected - 1}: a seal between them is missing")
        valid.append(seal)
        newest = key
    return Seals(valid=tuple(valid), problems=tuple(problems))


def verify_ledger(*, ledger: EventLedger, seals: Seals) -> Verdict:
    """Verify a ledger against its seals; see `verify_chain`."""
    return verify_chain(stored=ledger.stored(), seals=seals.valid)


def seal_ledger(
    *, ledger: EventLedger, store: SealStore, signer: Signer, name: str, now: datetime, former: Sequence[Key] = ()
) -> Seal | None:
    """Seal the entries that are not sealed yet, at most 4,096 of them; None when there are none.

    Args:
        ledger: the ledger.
        store: where seals lie.
        signer: the sealer's key.
        name: the ledger's name.
        now: the time that the seal bears.
        former: the keys that sealed before this one, the newest first.

    Raises:
        TrustError: rule of the break, when the ledger does not hold: a broken one is not sealed.
        ConflictError: somebody else sealed at the same time.
        CloudError, InputError: ledger, store or key could not be used.
    """
    seals = read_seals(store=store, keys=[signer.public_key, *former], ledger=name)
    verdict = verify_ledger(ledger=ledger, seals=seals)
    if verdict.broken is not None:
        raise TrustError(f"ledger {name}: not sealed: {verdict.broken.message}", rule=verdict.broken.rule)
    stored = list(islice(ledger.stored(after=verdict.sealed), MOST_DIGESTS))
    if not stored:
        return None
    digests = tuple(Digest.of(item.data) for item in stored)
    seal = Seal(ledger=name, first=stored[0].sequence, digests=digests, sealed_at=now)
    store.put(first=seal.first, data=sign_seal(seal=seal, signer=signer))
    return seal
