"""JSON lines for a container's log group: one event a line, times in UTC. Callers hand in no secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Return `moment` as `2026-11-23T12:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class JsonLog:
    """Writes events to `out` and errors to `err`, each as exactly one line, flushed at once."""

    def __init__(self, *, out: TextIO, err: TextIO, clock: Clock = system_clock) -> None:
        self._out = out
        self._err = err
        self._clock = clock

    def event(self, name: str, **fields: str | int | float | None) -> None:
        """Write one event."""
        self._write(self._out, "info", name, fields)

    def error(self, name: str, *, rule: str, message: str) -> None:
        """Write one error with its stable rule id."""
        self._write(self._err, "error", name, {"rule": rule, "message": message})

    def _write(self, stream: TextIO, level: str, name: str, fields: dict[str, str | int | float | None]) -> None:
        line = {"time": timestamp(self._clock()), "level": level, "event": name, **fields}
        stream.write(json.dumps(line, ensure_ascii=True) + "\n")
        stream.flush()
