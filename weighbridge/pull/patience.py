"""How often a run is tried again, how long is waited before, and when a slow server counts as a silent one."""

from __future__ import annotations

import time

from weighbridge.errors import IntegrityError, RegistryError, RegistryUnavailableError
from weighbridge.pull.cursor import Cursor
from weighbridge.pull.faults import CutError, DirtyError, MalformedError, RefusedForNowError, StallError
from weighbridge.pull.fetch import Fetcher
from weighbridge.registry.http import Http, error_for

CLEAN_STARTS = 2
CUTS_LIMIT = 64
GAIN = 64 * 1024
_SLOWEST = 1024


class Budget:
    """How much patience a run has left."""

    def __init__(self, *, http: Http, fetcher: Fetcher, what: str) -> None:
        self._http = http
        self._fetcher = fetcher
        self._what = what
        self._failures = 0
        self._cuts = 0
        self._dirty: dict[int, int] = {}

    def was_dirty(self, cursor: Cursor) -> bool:
        """Whether the present piece has had its clean start."""
        return cursor.at in self._dirty

    def dirty(self, cursor: Cursor, error: DirtyError) -> None:
        """Allow one clean start for each piece."""
        self._dirty[cursor.at] = self._dirty.get(cursor.at, 0) + 1
        if self._dirty[cursor.at] >= CLEAN_STARTS:
            if isinstance(error, MalformedError):
                raise RegistryError(f"{self._what}: {error}") from error
            raise IntegrityError(f"{self._what}: {error}") from error

    def cut(self, error: CutError, *, gained: int, missing: int) -> None:
        """Wait before the next attempt; the first one after a gain follows at once."""
        self._failures = 1 if gained >= GAIN else self._failures + 1
        self._cuts += 1
        if self._failures >= self._http.retries.attempts or self._cuts >= CUTS_LIMIT:
            raise self._final(error, missing=missing) from error
        retry_after = error.retry_after if isinstance(error, RefusedForNowError) else None
        if self._failures > 1 or isinstance(error, RefusedForNowError):
            self._fetcher.pause(self._http.pause_after(self._failures, retry_after=retry_after))

    def _final(self, error: CutError, *, missing: int) -> Exception:
        if isinstance(error, RefusedForNowError):
            return error_for(what=error.what, status=error.status, words=error.words)
        return RegistryUnavailableError(
            f"{self._what}: {error} at byte {missing}, after {self._cuts} attempts: check the network, then run again"
        )


class Pace:
    """Takes a server for silent that sends less than 1 KiB/s for as long as one read may take."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._count = 0
        self._since = time.monotonic()

    def note(self, count: int) -> None:
        """Count what arrived."""
        self._count += count
        now = time.monotonic()
        if now - self._since < self._seconds:
            return
        if self._count < _SLOWEST * self._seconds:
            raise StallError(f"the server all but stalled ({self._count} bytes in {now - self._since:.0f} s)")
        self._count, self._since = 0, now
