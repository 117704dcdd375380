"""Exceptions: a pickled file may pass when its digest is named, with a reason and an end, under a signature.

The signature is DSSE's, over a payload type of its own, so that nothing else that a key signed can be taken for one. The signed
list travels in the inspection statement, so that whoever reads that can verify it with the keys of the policy's role `exceptions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from securesystemslib.signer import Key, Signer

from weighbridge import canonical
from weighbridge.canonical import Json
from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest
from weighbridge.trust.envelope import open_envelope, sign_envelope
from weighbridge.trust.times import format_time, parse_time

SCHEMA = "weighbridge.inspection-exceptions/v1"
PAYLOAD_TYPE = "application/vnd.weighbridge.inspection-exceptions+json"
RULE = "input.exceptions"
_LIMIT = 1024 * 1024
ROLE = "exceptions"


@dataclass(frozen=True, slots=True)
class PickleException:
    """Lets the one file with this digest pass until `expires` (UTC). `signed_by` are the ids of the keys that say so, `signed` the
    bytes of the whole list under their signatures."""

    digest: Digest
    expires: datetime
    reason: str
    signed_by: tuple[str, ...] = ()
    signed: bytes = field(default=b"", repr=False)


def sign_exceptions(exceptions: Sequence[PickleException], *, signers: Sequence[Signer]) -> bytes:
    """Return the bytes of a signed list of exceptions.

    Raises:
        InputError: rule `input.exceptions`, when there is none, nobody signs, a digest stands twice or a reason is empty.
        CloudError: when KMS could not sign.
    """
    if not exceptions or not signers:
        raise InputError("exceptions: give at least one exception and one signer", rule=RULE)
    items: list[Json] = [
        {"sha256": item.digest.hex, "expires": format_time(item.expires), "reason": item.reason} for item in exceptions
    ]
    payload = canonical.dump({"schema": SCHEMA, "exceptions": items})
    _parse(payload, signed_by=(), signed=b"")
    return canonical.dump(sign_envelope(payload, payload_type=PAYLOAD_TYPE, signers=signers))


def parse_exceptions(data: bytes, *, keys: Sequence[Key]) -> Mapping[Digest, PickleException]:
    """Return the exceptions in a signed list, every signature of which is by one of `keys`.

    Raises:
        InputError: rule `input.exceptions`, for anything else, a digest that stands twice, or a reason left empty.
    """
    try:
        document = canonical.parse_object(data, what="exceptions", limit=_LIMIT)
        payload, signed_by = open_envelope(
            document,
            payload_type=PAYLOAD_TYPE,
            keys={key.keyid: key for key in keys},
            what="signed list",
            stranger="is none of trust.keys.exceptions (--exceptions-key for a folder)",
            rule=RULE,
        )
    except TrustError as error:
        raise InputError(f"exceptions: {error}: sign them with `weighbridge except`", rule=RULE) from error
    return _parse(payload, signed_by=signed_by, signed=canonical.dump(document))


def _parse(data: bytes, *, signed_by: tuple[str, ...], signed: bytes) -> Mapping[Digest, PickleException]:
    try:
        document = canonical.parse_object(data, what="exceptions", limit=_LIMIT)
        items = document.get("exceptions")
        if set(document) != {"schema", "exceptions"} or document["schema"] != SCHEMA or not isinstance(items, list):
            raise InputError(f"not a {SCHEMA} document")
        found = [_exception(item, signed_by=signed_by, signed=signed) for item in items]
    except (TrustError, InputError, ValueError) as error:
        raise InputError(f"exceptions: {error}", rule=RULE) from error
    named = {item.digest: item for item in found}
    if len(named) != len(found):
        raise InputError("exceptions: one digest stands twice: name each file once", rule=RULE)
    return named


def _exception(item: object, *, signed_by: tuple[str, ...], signed: bytes) -> PickleException:
    if not isinstance(item, dict) or set(item) != {"sha256", "expires", "reason"}:
        raise InputError("each exception has sha256, expires and reason alone")
    digest, expires, reason = item["sha256"], item["expires"], item["reason"]
    if not isinstance(digest, str) or not isinstance(expires, str) or not isinstance(reason, str) or not reason.strip():
        raise InputError("sha256, expires and reason must be text, and the reason not empty")
    ends = parse_time(expires, field="expires")
    return PickleException(digest=Digest(digest), expires=ends, reason=reason, signed_by=signed_by, signed=signed)
