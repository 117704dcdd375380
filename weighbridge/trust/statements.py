"""Signed statements about a release: DSSE envelopes that hold in-toto Statements v1.

Sources: DSSE 1.0 (secure-systems-lab/dsse, protocol.md: the signature is over PAE(payloadType, payload)) and in-toto
Attestation Framework, Statement v1 (`https://in-toto.io/Statement/v1`). Which statements a release needs, and whose
keys may sign them, stands in the channel's policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from securesystemslib.signer import Signer

from weighbridge import canonical
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError, IntegrityError, TrustError
from weighbridge.names import Digest, ReleaseId
from weighbridge.trust.envelope import open_envelope, sign_envelope
from weighbridge.trust.inspected import refuse_blocked
from weighbridge.trust.policy import Policy
from weighbridge.trust.promotion import Promotion, parse_promotion

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
# About the runtime image of a release, not about the release: its subject is the image's digest.
IMAGE_TYPE = "urn:weighbridge:runtime-image:v1"
BUNDLE_LIMIT = 4 * 1024 * 1024
_RULE = "refused.statement"


@dataclass(frozen=True, slots=True)
class Statement:
    """One verified statement: its predicate, and the ids of the keys that signed it."""

    predicate_type: str
    predicate: Mapping[str, Json]
    signed_by: tuple[str, ...]


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
    return _sign(f"{name}:{version}", release, predicate_type, predicate, signers)


def sign_image_statement(*, image: str, predicate: Mapping[str, Json], signers: Sequence[Signer]) -> JsonObject:
    """Return the DSSE envelope of a statement about a runtime image (`HOST/PATH@sha256:HEX`), of type `IMAGE_TYPE`.

    Raises:
        InputError: as `sign_statement`, and when the image is not named by digest.
        CloudError: when KMS could not sign.
    """
    name, _, digest = image.partition("@")
    return _sign(name, Digest.parse(digest, field="image digest"), IMAGE_TYPE, predicate, signers)


def _sign(
    subject: str, digest: Digest, predicate_type: str, predicate: Mapping[str, Json], signers: Sequence[Signer]
) -> JsonObject:
    if not signers:
        raise InputError("statement: give at least one signer")
    document: JsonObject = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": subject, "digest": {"sha256": digest.hex}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    try:
        payload = canonical.dump(document)
    except ValueError as error:
        raise InputError(f"statement {predicate_type}: {error}") from error
    return sign_envelope(payload, payload_type=PAYLOAD_TYPE, signers=signers)


def bundle(envelopes: Iterable[JsonObject], *, source: Promotion | None = None) -> bytes:
    """Return the canonical bytes of a bundle; the SHA-256 of the promoted one stands in the promotion.

    Args:
        source: the promotion in the channel before, whose digest the promotion's `source_id` holds.
    """
    document: dict[str, Json] = {"envelopes": list(envelopes)}
    if source is not None:
        document["source"] = source.to_bytes().decode("utf-8")
    return canonical.dump(document)


def envelopes_of(data: bytes) -> tuple[Json, ...]:
    """Return a bundle's envelopes, not yet verified.

    Raises:
        TrustError: rule `refused.json` or `refused.statement`, when it is not a bundle.
    """
    document = canonical.parse_object(data, what="statements", limit=BUNDLE_LIMIT)
    envelopes = document.get("envelopes")
    if not {"envelopes"} <= set(document) <= {"envelopes", "source"} or not isinstance(envelopes, list):
        raise TrustError("statements: not one list of envelopes", rule=_RULE)
    return tuple(envelopes)


def source_of_bundle(data: bytes, *, expected: ReleaseId | None) -> Promotion | None:
    """Return the promotion in the channel before that a bundle holds; None when it holds none.

    Args:
        expected: the `source_id` of the promotion that names the bundle.

    Raises:
        TrustError: rule `refused.promotion`, when it is another than the promotion says.
    """
    text = canonical.parse_object(data, what="statements", limit=BUNDLE_LIMIT).get("source")
    if text is None:
        return None
    if not isinstance(text, str) or expected is None:
        raise TrustError("statements: hold a source that the promotion does not name", rule="refused.promotion")
    found = parse_promotion(text.encode("utf-8"), expected=expected.digest)
    if found.release_id != expected:
        raise TrustError(f"statements: the source is {found.release_id}, not {expected}", rule="refused.promotion")
    return found


def verify_bundle(
    *, data: bytes, expected: Digest, release: Digest, name: str, version: str, policy: Policy, image: str | None = None
) -> tuple[Statement, ...]:
    """Verify every statement in a bundle, and that the policy's required ones are among them.

    Args:
        data: bytes of the bundle.
        expected: their digest, from the promotion.
        image: the release's runtime image, which statements of type `IMAGE_TYPE` have to be about.

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
        verify_envelope(envelope, subject=f"{name}:{version}", release=release, policy=policy, image=image)
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


def verify_envelope(
    envelope: Json, *, subject: str, release: Digest, policy: Policy, image: str | None = None
) -> Statement:
    """Verify one envelope about `release`, which is `subject` (NAME:VERSION), signed by keys of the policy alone.

    A statement of type `IMAGE_TYPE` has to be about the digest of `image`, wherever the image is copied to.

    Raises:
        TrustError: rule `refused.json` or `refused.statement`.
    """
    payload, signed_by = open_envelope(
        envelope,
        payload_type=PAYLOAD_TYPE,
        keys=policy.keys,
        what="statement",
        stranger="is not one of the policy's",
        rule=_RULE,
    )
    document = canonical.parse_object(payload, what="statement")
    predicate_type, predicate = document.get("predicateType"), document.get("predicate")
    is_statement = set(document) == {"_type", "subject", "predicateType", "predicate"}
    if not is_statement or document["_type"] != STATEMENT_TYPE or not isinstance(predicate_type, str):
        raise TrustError(f"statement: not of type {STATEMENT_TYPE}", rule=_RULE)
    if predicate_type == IMAGE_TYPE:
        _check_image(document["subject"], image=image)
    elif document["subject"] != [{"name": subject, "digest": {"sha256": release.hex}}]:
        raise TrustError(f"statement {predicate_type}: is not about {subject} with {release}", rule=_RULE)
    if not isinstance(predicate, dict):
        raise TrustError(f"statement {predicate_type}: its predicate is not an object", rule=_RULE)
    return Statement(predicate_type=predicate_type, predicate=predicate, signed_by=signed_by)


def _check_image(subjects: Json, *, image: str | None) -> None:
    wanted = {"sha256": (image or "").partition("@sha256:")[2]}
    subject = subjects[0] if isinstance(subjects, list) and len(subjects) == 1 else None
    if not isinstance(subject, dict) or set(subject) != {"name", "digest"} or subject["digest"] != wanted:
        raise TrustError(f"statement {IMAGE_TYPE}: is not about the runtime image {image}", rule=_RULE)
