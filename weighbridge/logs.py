"""JSON lines for a log group: one event a line, times in UTC. Callers hand in no secrets.

Lines about one promotion bear one `correlation_id`, from its publication to the load receipt and the server behind it. It
is made of the release id, which travels anyway: no other identifier has to (docs/observability.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TextIO

from weighbridge.canonical import Json
from weighbridge.errors import InputError
from weighbridge.names import ReleaseId

CORRELATION = "correlation_id"
CORRELATION_DIGITS = 16
Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Return `moment` as `2026-11-23T12:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def correlation_id(release_id: ReleaseId) -> str:
    """Return the first 16 hex digits of the promotion's digest, which covers channel, model, number and release."""
    return release_id.digest.hex[:CORRELATION_DIGITS]


def correlation(release_id: object) -> dict[str, str]:
    """Return the field of a line about a promotion; none when `release_id` is neither one nor its text."""
    if isinstance(release_id, str):
        try:
            release_id = ReleaseId.parse(release_id)
        except InputError:
            return {}
    return {CORRELATION: correlation_id(release_id)} if isinstance(release_id, ReleaseId) else {}


class JsonLog:
    """Writes events to `out` and errors to `err`, each as exactly one line, flushed at once. `always` is in every line."""

    def __init__(
        self, *, out: TextIO, err: TextIO, clock: Clock = system_clock, always: Mapping[str, Json] | None = None
    ) -> None:
        self._out = out
        self._err = err
        self._clock = clock
        self._always = dict(always or {})

    def correlated(self, release_id: object) -> JsonLog:
        """Return a log whose every line bears the promotion's correlation id, where `release_id` is one or its text."""
        always = {**self._always, **correlation(release_id)}
        return JsonLog(out=self._out, err=self._err, clock=self._clock, always=always)

    def event(self, name: str, **fields: str | int | float | None) -> None:
        """Write one event."""
        self._write(self._out, "info", name, fields)

    def measured(self, name: str, metrics: Mapping[str, Json], **fields: str | int | float | None) -> None:
        """Write one event that CloudWatch makes metrics of; `metrics` are fields as `weighbridge.metrics.embedded` gives."""
        self._write(self._out, "info", name, {**metrics, **fields})

    def error(self, name: str, *, rule: str, message: str, metrics: Mapping[str, Json] | None = None) -> None:
        """Write one error with its stable rule id, and with what CloudWatch makes metrics of, as `measured` does."""
        self._write(self._err, "error", name, {**(metrics or {}), "rule": rule, "message": message})

    def _write(self, stream: TextIO, level: str, name: str, fields: Mapping[str, Json | float]) -> None:
        line = {"time": timestamp(self._clock()), "level": level, "event": name, **self._always, **fields}
        stream.write(json.dumps(line, ensure_ascii=True) + "\n")
        stream.flush()
