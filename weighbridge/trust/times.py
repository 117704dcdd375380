"""Times in signed records: UTC, whole seconds, `YYYY-MM-DDTHH:MM:SSZ` (RFC 3339)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from weighbridge.errors import InputError

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def format_time(moment: datetime) -> str:
    """Return `moment` in UTC; fractions of a second are cut off.

    Raises:
        InputError: for a moment without a time zone.
    """
    if moment.tzinfo is None:
        raise InputError(f"time {moment.isoformat()}: has no time zone: give an aware datetime", rule="input.time")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(value: str, *, field: str) -> datetime:
    """Read a time.

    Raises:
        InputError: naming `field` and the expected form.
    """
    if _TIME.fullmatch(value):
        try:
            return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            pass
    raise InputError(f"{field}: {value!r} is not a UTC time of the form YYYY-MM-DDTHH:MM:SSZ", rule="input.time")
