"""Seals: signed notes, kept outside the ledger, of how far it reached. They show what the chain alone cannot: a tail cut off,
a chain that was rewritten whole.

A seal is a DSSE envelope (DSSE 1.0, as statements are) over `weighbridge.seal/v1`. It names the digest of every entry since
the seal before, so that the first entry that was touched is named exactly.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Key, Signature, Signer

from weighbridge import canonical
from weighbridge.canonical import Json
from weighbridge.errors import InputError, TrustError
from weighbridge.ledger.events.entry import Head
from weighbridge.names import Digest, check_name
from weighbridge.trust.envelope import pae
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
    payload = seal.to_bytes()
    signature = signer.sign(pae(payload_type=PAYLOAD_TYPE, payload=payload))
    return canonical.dump(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [
                {"keyid": signature.keyid, "sig": base64.b64encode(bytes.fromhex(signature.signature)).decode()}
            ],
        }
    )


def open_seal(data: bytes, *, keys: Sequence[Key], ledger: str) -> tuple[Seal, int]:
    """Return the seal in an envelope, verified, and which of `keys` signed it, from 0.

    Args:
        keys: the sealer's public keys, the newest first.
        ledger: the ledger that it has to be of.

    Raises:
        TrustError: rule `refused.json` or `refused.seal`, when no key of these signed it, or it is another ledger's.
    """
    document = canonical.parse_object(data, what="seal", limit=2 * SEAL_LIMIT)
    if set(document) != {"payloadType", "payload", "signatures"} or document["payloadType"] != PAYLOAD_TYPE:
        raise TrustError(f"seal: not a DSSE envelope of {PAYLOAD_TYPE}", rule=RULE)
    payload = _decode(document["payload"])
    key_id = _check_signature(
        document["signatures"], message=pae(payload_type=PAYLOAD_TYPE, payload=payload), keys=keys
    )
    seal = Seal.parse(payload)
    if seal.ledger != ledger:
        raise TrustError(f"seal: is of the ledger {seal.ledger!r}, not of {ledger!r}", rule=RULE)
    return seal, [key.keyid for key in keys].index(key_id)


def _check_signature(signatures: Json, *, message: bytes, keys: Sequence[Key]) -> str:
    known = {key.keyid: key for key in keys}
    if not isinstance(signatures, list) or len(signatures) != 1 or not isinstance(signatures[0], Mapping):
        raise TrustError("seal: must bear one signature", rule=RULE)
    key_id = signatures[0].get("keyid")
    if not isinstance(key_id, str) or key_id not in known:
        raise TrustError(f"seal: key {str(key_id)[:16]}... is not the sealer's", rule=RULE)
    try:
        known[key_id].verify_signature(Signature(key_id, _decode(signatures[0].get("sig")).hex()), message)
    except (UnverifiedSignatureError, VerificationError) as error:
        raise TrustError(f"seal: key {key_id[:16]}... did not sign this: {error}", rule=RULE) from error
    return key_id


def _decode(value: Json) -> bytes:
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise TrustError("seal: payload or signature is not base64", rule=RULE)
