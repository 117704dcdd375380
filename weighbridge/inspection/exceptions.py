"""Exceptions: a pickled file may pass when its digest is named, with a reason and an end, under a signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from weighbridge.inspection.findings import FileVerdict, Finding, shown
from weighbridge.names import Digest
from weighbridge.trust.exceptions import PAYLOAD_TYPE, PickleException, parse_exceptions, sign_exceptions
from weighbridge.trust.times import format_time

__all__ = ["PAYLOAD_TYPE", "PickleException", "apply_exception", "parse_exceptions", "sign_exceptions"]

_EXCEPTED = "inspect.format.pickle"


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
    return replace(file, findings=(*notes, used), excepted_until=exception.expires, excepted_by=exception.signed)
