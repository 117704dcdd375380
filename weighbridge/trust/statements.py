"""Signed statements about a release: DSSE envelopes that hold in-toto Statements v1.

Sources: DSSE 1.0 (secure-systems-lab/dsse, protocol.md: the signature is over PAE(payloadType, payload)) and in-toto
Attestation Framework, Statement v1 (`https://in-toto.io/Statement/v1`). Which statements a release needs, and whose
keys may sign them, stands in the channel's policy.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Key, Signature, Signer

from weighbridge import canonical
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError, IntegrityError, TrustError
from weighbridge.names import Digest
from weighbridge.trust.inspected import refuse_blocked
from weighbridge.trust.policy import Policy

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
BUNDLE_LIMIT = 4 * 1024 * 1024
_RULE = "refused.statement"


@dataclass(frozen=True, slots=True)
class Statement:
    """One verified statement: its predicate, and the ids of the keys that signed it."""

    predicate_type: str
    predicate: Mapping[str, Json]
    signed_by: tuple[str, ...]


def pae(*, payload_type: str, payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding, which is what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_statement(
    *,
    name: str,
    version: str,
    release: Digest,
    predicate_type: str,
    predicate: Mapping[str, Json],
    signers: Sequence[Signer],
) -> JsonObject:
    """Return the DSSE envelope of a statement about `release`.

    Raises:
        InputError: when nobody signs, or the predicate holds floats or the like.
        CloudError: when KMS could not sign.
    """
    if not signers:
        raise InputError("statement: give at least one signer")
    document: JsonObject = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f"{name}:{version}", "digest": {"sha256": release.hex}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    try:
        payload = canonical.dump(document)
    except ValueError as error:
        raise InputError(f"statement {predicate_type}: {error}") from error
    encoded = pae(payload_type=PAYLOAD_TYPE, payload=payload)
    signatures = [signer.sign(encoded) for signer in signers]
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": item.keyid, "sig": base64.b64encode(bytes.fromhex(item.signature)).decode()}
            for item in signatures
        ],
    }


def bundle(envelopes: Iterable[JsonObject]) -> bytes:
    """Return the canonical bytes of a bundle; the SHA-256 of the promoted one stands in the promotion."""
    return canonical.dump({"envelopes": list(envelopes)})


def envelopes_of(data: bytes) -> tuple[Json, ...]:
    """Return a bundle's envelopes, not yet verified.

    Raises:
        TrustError: rule `refused.json` or `refused.statement`, when it is not a bundle.
    """
    document = canonical.parse_object(data, what="statements", limit=BUNDLE_LIMIT)
    envelopes = document.get("envelopes")
    if set(document) != {"envelopes"} or not isinstance(envelopes, list):
        raise TrustError("statements: not one list of envelopes", rule=_RULE)
    return tuple(envelopes)


def verify_bundle(
    *, data: bytes, expected: Digest, release: Digest, name: str, version: str, policy: Policy
) -> tuple[Statement, ...]:
    """Verify every statement in a bundle, and that the policy's required ones are among them.

    Args:
        data: bytes of the bundle.
        expected: their digest, from the promotion.

    Raises:
        IntegrityError: when the bytes do not hash to `expected`.
        TrustError: rule `refused.json`; `refused.statement`, when an envelope is malformed, about something else, or
            bears a signature that no key of the policy verifies; `refused.missing-statement`, when a required type is
            missing or not signed by one of its roles; `refused.inspection`, when the inspector blocked the release.
    """
    found = Digest.of(data)
    if found != expected:
        raise IntegrityError(f"statements: the bytes hash to {found}, not to {expected}")
    statements = tuple(
        verify_envelope(envelope, subject=f"{name}:{version}", release=release, policy=policy)
        for envelope in envelopes_of(data)
    )
    for predicate_type in policy.required_statements:
        allowed = policy.keys_for(predicate_type)
        if not any(
            statement.predicate_type == predicate_type and not allowed.keys().isdisjoint(statement.signed_by)
            for statement in statements
        ):
            roles = ", ".join(policy.required_statements[predicate_type])
            raise TrustError(
                f"{name}:{version}: channel {policy.channel} needs a statement {predicate_type} signed by {roles}, "
                "and there is none",
                rule="refused.missing-statement",
            )
    for statement in statements:
        refuse_blocked(statement.predicate_type, statement.predicate, subject=f"{name}:{version}")
    return statements


def verify_envelope(envelope: Json, *, subject: str, release: Digest, policy: Policy) -> Statement:
    """Verify one envelope about `release`, which is `subject` (NAME:VERSION), signed by keys of the policy alone.

    Raises:
        TrustError: rule `refused.json` or `refused.statement`.
    """
    if not isinstance(envelope, dict) or set(envelope) != {"payloadType", "payload", "signatures"}:
        raise TrustError("statement: not a DSSE envelope", rule=_RULE)
    if envelope["payloadType"] != PAYLOAD_TYPE:
        raise TrustError(f"statement: payload type is not {PAYLOAD_TYPE}", rule=_RULE)
    payload = _decode(envelope["payload"], what="payload")
    signed_by = _verify_signatures(
        envelope["signatures"], message=pae(payload_type=PAYLOAD_TYPE, payload=payload), keys=policy.keys
    )
    document = canonical.parse_object(payload, what="statement")
    predicate_type, predicate = document.get("predicateType"), document.get("predicate")
    is_statement = set(document) == {"_type", "subject", "predicateType", "predicate"}
    if not is_statement or document["_type"] != STATEMENT_TYPE or not isinstance(predicate_type, str):
        raise TrustError(f"statement: not of type {STATEMENT_TYPE}", rule=_RULE)
    if document["subject"] != [{"name": subject, "digest": {"sha256": release.hex}}]:
        raise TrustError(f"statement {predicate_type}: is not about {subject} with {release}", rule=_RULE)
    if not isinstance(predicate, dict):
        raise TrustError(f"statement {predicate_type}: its predicate is not an object", rule=_RULE)
    return Statement(predicate_type=predicate_type, predicate=predicate, signed_by=signed_by)


def _verify_signatures(signatures: Json, *, message: bytes, keys: Mapping[str, Key]) -> tuple[str, ...]:
    if not isinstance(signatures, list) or not signatures:
        raise TrustError("statement: no signature", rule=_RULE)
    signed_by: list[str] = []
    for item in signatures:
        key_id = item.get("keyid") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(key_id, str) or set(item) != {"keyid", "sig"}:
            raise TrustError("statement: a signature without key id", rule=_RULE)
        if key_id not in keys:
            raise TrustError(f"statement: key {key_id[:16]}... is not one of the policy's", rule=_RULE)
        signature = Signature(key_id, _decode(item["sig"], what="signature").hex())
        try:
            keys[key_id].verify_signature(signature, message)
        except (UnverifiedSignatureError, VerificationError) as error:
            raise TrustError(f"statement: key {key_id[:16]}... did not sign this: {error}", rule=_RULE) from error
        signed_by.append(key_id)
    return tuple(signed_by)


def _decode(value: Json, *, what: str) -> bytes:
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise TrustError(f"statement: its {what} is not base64", rule=_RULE)
