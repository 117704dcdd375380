"""Exceptions: a pickled file may pass when its digest is named, with a reason and an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from weighbridge import canonical
from weighbridge.errors import InputError, TrustError
from weighbridge.inspection.findings import FileVerdict, Finding, shown
from weighbridge.names import Digest
from weighbridge.trust.times import format_time, parse_time

SCHEMA = "weighbridge.inspection-exceptions/v1"
_LIMIT = 1024 * 1024
_EXCEPTED = "inspect.format.pickle"


@dataclass(frozen=True, slots=True)
class PickleException:
    """Lets the one file with this digest pass until `expires` (UTC)."""

    digest: Digest
    expires: datetime
    reason: str


def parse_exceptions(data: bytes) -> Mapping[Digest, PickleException]:
    """Read `{"schema": "weighbridge.inspection-exceptions/v1", "exceptions": [{"sha256", "expires", "reason"}]}`.

    Raises:
        InputError: rule `input.exceptions`, for anything else, a digest that stands twice, or a reason left empty.
    """
    try:
        document = canonical.parse_object(data, what="exceptions", limit=_LIMIT)
        items = document.get("exceptions")
        if set(document) != {"schema", "exceptions"} or document["schema"] != SCHEMA or not isinstance(items, list):
            raise InputError(f"not a {SCHEMA} document")
        found = [_exception(item) for item in items]
    except (TrustError, InputError, ValueError) as error:
        raise InputError(f"exceptions: {error}", rule="input.exceptions") from error
    named = {item.digest: item for item in found}
    if len(named) != len(found):
        raise InputError("exceptions: one digest stands twice: name each file once", rule="input.exceptions")
    return named


def apply_exception(file: FileVerdict, exceptions: Mapping[Digest, PickleException], *, now: datetime) -> FileVerdict:
    """Return the verdict with its pickle finding turned into a note, if an exception in force names its digest."""
    exception = None if file.digest is None else exceptions.get(file.digest)
    if exception is None or not any(item.rule == _EXCEPTED for item in file.findings):
        return file
    until = format_time(exception.expires)
    if exception.expires <= now:
        expired = Finding("inspect.exception.expired", f"the exception ended at {until}")
        return replace(file, findings=(*file.findings, expired))
    used = Finding("inspect.exception.used", f"until {until}: {shown(exception.reason)}", severity="note")
    notes = tuple(replace(item, severity="note") if item.rule == _EXCEPTED else item for item in file.findings)
    return replace(file, findings=(*notes, used))


def _exception(item: object) -> PickleException:
    if not isinstance(item, dict) or set(item) != {"sha256", "expires", "reason"}:
        raise InputError("each exception has sha256, expires and reason alone")
    digest, expires, reason = item["sha256"], item["expires"], item["reason"]
    if not isinstance(digest, str) or not isinstance(expires, str) or not isinstance(reason, str) or not reason.strip():
        raise InputError("sha256, expires and reason must be text, and the reason not empty")
    return PickleException(digest=Digest(digest), expires=parse_time(expires, field="expires"), reason=reason)
