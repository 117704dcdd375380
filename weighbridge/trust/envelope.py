"""DSSE envelopes (DSSE 1.0, secure-systems-lab/dsse, protocol.md): a payload, its type, and signatures over both."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Key, Signature, Signer

from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import TrustError


def pae(*, payload_type: str, payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding, which is what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_envelope(payload: bytes, *, payload_type: str, signers: Sequence[Signer]) -> JsonObject:
    """Return the envelope of a payload, signed by each of `signers`.

    Raises:
        CloudError: when KMS could not sign.
    """
    message = pae(payload_type=payload_type, payload=payload)
    signatures = [signer.sign(message) for signer in signers]
    return {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": item.keyid, "sig": base64.b64encode(bytes.fromhex(item.signature)).decode()}
            for item in signatures
        ],
    }


def open_envelope(
    envelope: Json, *, payload_type: str, keys: Mapping[str, Key], what: str, stranger: str, rule: str
) -> tuple[bytes, tuple[str, ...]]:
    """Return an envelope's payload and the ids of the keys that signed it, every one of which is among `keys`.

    Args:
        what: what it should be, for the refusal.
        stranger: what the refusal says of a key that is not among `keys`.
        rule: of the refusal.

    Raises:
        TrustError: it is no envelope of this type, has no signature, or one that none of `keys` verifies.
    """
    if not isinstance(envelope, dict) or set(envelope) != {"payloadType", "payload", "signatures"}:
        raise TrustError(f"{what}: not a DSSE envelope", rule=rule)
    if envelope["payloadType"] != payload_type:
        raise TrustError(f"{what}: payload type is not {payload_type}", rule=rule)
    payload = _decode(envelope["payload"], what=f"{what}: its payload", rule=rule)
    message, signatures = pae(payload_type=payload_type, payload=payload), envelope["signatures"]
    if not isinstance(signatures, list) or not signatures:
        raise TrustError(f"{what}: no signature", rule=rule)
    signed_by: list[str] = []
    for item in signatures:
        key_id = item.get("keyid") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(key_id, str) or set(item) != {"keyid", "sig"}:
            raise TrustError(f"{what}: a signature without key id", rule=rule)
        if key_id not in keys:
            raise TrustError(f"{what}: key {key_id[:16]}... {stranger}", rule=rule)
        signature = Signature(key_id, _decode(item["sig"], what=f"{what}: its signature", rule=rule).hex())
        try:
            keys[key_id].verify_signature(signature, message)
        except (UnverifiedSignatureError, VerificationError) as error:
            raise TrustError(f"{what}: key {key_id[:16]}... did not sign this: {error}", rule=rule) from error
        signed_by.append(key_id)
    return payload, tuple(signed_by)


def _decode(value: Json, *, what: str, rule: str) -> bytes:
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise TrustError(f"{what} is not base64", rule=rule)
