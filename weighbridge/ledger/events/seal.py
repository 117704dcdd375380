"""Seals: signed notes, kept outside the ledger, of how far it reached. They show what the chain alone cannot: a tail cut off,
a chain that was rewritten whole.

A seal is a DSSE envelope (DSSE 1.0, as statements are) over `weighbridge.seal/v1`. It names the digest of every entry since
the seal before, so that the first entry that was touched is named exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from securesystemslib.signer import Key, Signer

from weighbridge import canonical
from weighbridge.errors import InputError, TrustError
from weighbridge.ledger.events.entry import Head
from weighbridge.names import Digest, check_name
from weighbridge.trust.envelope import open_envelope, sign_envelope
from weighbridge.trust.fields import check_keys, positive, text
from weighbridge.trust.times import format_time, parse_time

SCHEMA = "weighbridge.seal/v1"
PAYLOAD_TYPE = "application/vnd.weighbridge.seal+json"
SEAL_LIMIT = 1024 * 1024
MOST_DIGESTS = 4096
RULE = "refused.seal"
_KEYS = frozenset({"schema", "ledger", "first", "digests", "sealed_at"})


@dataclass(frozen=True, slots=True)
class Seal:
    """The digests of the entries from number `first` on, 1 to 4,096 of them, as they were at `sealed_at`.

    `ledger` is the name of the ledger, its environment's.
    """

    ledger: str
    first: int
    digests: tuple[Digest, ...]
    sealed_at: datetime

    @property
    def head(self) -> Head:
        """The newest entry that is sealed."""
        return Head(sequence=self.first + len(self.digests) - 1, digest=self.digests[-1])

    def to_bytes(self) -> bytes:
        """Return the canonical JSON that is signed."""
        return canonical.dump(
            {
                "schema": SCHEMA,
                "ledger": self.ledger,
                "first": self.first,
                "digests": [item.hex for item in self.digests],
                "sealed_at": format_time(self.sealed_at),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave.

        Raises:
            TrustError: rule `refused.json` or `refused.seal`.
        """
        document = canonical.parse_object(data, what="seal", limit=SEAL_LIMIT)
        try:
            check_keys(document, keys=_KEYS, schema=SCHEMA)
            digests = document["digests"]
            if not isinstance(digests, list) or not 1 <= len(digests) <= MOST_DIGESTS:
                raise InputError(f"digests: must be a list of 1 to {MOST_DIGESTS}")
            return cls(
                ledger=check_name(text(document, "ledger"), field="ledger"),
                first=positive(document, "first"),
                digests=tuple(Digest(str(item)) for item in digests),
                sealed_at=parse_time(text(document, "sealed_at"), field="sealed_at"),
            )
        except InputError as error:
            raise TrustError(f"seal: {error}", rule=RULE) from error


def sign_seal(*, seal: Seal, signer: Signer) -> bytes:
    """Return the envelope of a seal.

    Raises:
        CloudError: when KMS could not sign.
    """
    return canonical.dump(sign_envelope(seal.to_bytes(), payload_type=PAYLOAD_TYPE, signers=[signer]))


def open_seal(data: bytes, *, keys: Sequence[Key], ledger: str) -> tuple[Seal, int]:
    """Return the seal in an envelope, verified, and which of `keys` signed it, from 0.

    Args:
        keys: the sealer's public keys, the newest first.
        ledger: the ledger that it has to be of.

    Raises:
        TrustError: rule `refused.json` or `refused.seal`, when no key of these signed it, or it is another ledger's.
    """
    document = canonical.parse_object(data, what="seal", limit=2 * SEAL_LIMIT)
    signatures = document.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise TrustError("seal: must bear one signature", rule=RULE)
    payload, (key_id,) = open_envelope(
        document,
        payload_type=PAYLOAD_TYPE,
        keys={key.keyid: key for key in keys},
        what="seal",
        stranger="is not the sealer's",
        rule=RULE,
    )
    seal = Seal.parse(payload)
    if seal.ledger != ledger:
        raise TrustError(f"seal: is of the ledger {seal.ledger!r}, not of {ledger!r}", rule=RULE)
    return seal, [key.keyid for key in keys].index(key_id)
