"""One worker: fetch runs of pieces, hash each piece as it arrives, write it, resume after a cut, begin anew after a flip."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable

from weighbridge.errors import IntegrityError, RegistryError, RegistryUnavailableError
from weighbridge.pull.faults import (
    CutError,
    DirtyError,
    MalformedError,
    RefusedForNowError,
    StallError,
    UnrangedError,
    disk_refused,
)
from weighbridge.pull.fetch import Fetcher, Stop
from weighbridge.pull.plan import Plan, Run
from weighbridge.pull.task import FileTask, Piece
from weighbridge.pull.wire import Answer
from weighbridge.registry.http import Http, error_for

BUFFER = 256 * 1024
CLEAN_STARTS = 2
CUTS_LIMIT = 64
_GAIN = 64 * 1024
_SLOWEST = 1024
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,16})-([0-9]{1,16})/([0-9]{1,16}|\*)")


class Cursor:
    """Where a worker stands in a run: `at` in its list of pieces, `offset` bytes into that piece.

    A small file is hashed in memory, just before it is written; a large one as it arrives.
    """

    def __init__(self, run: Run) -> None:
        self.task = run.task
        self.pieces = run.pieces
        self.at = 0
        self.offset = 0
        self.etag: str | None = None
        self.small = run.task.size <= BUFFER
        self.hash = None if self.small else hashlib.sha256()

    @property
    def position(self) -> int:
        """The byte of the file that is needed next."""
        return self.task.pieces[self.pieces[self.at]].start + self.offset

    @property
    def done(self) -> bool:
        """Whether the run is complete."""
        return self.at == len(self.pieces)

    def rewind(self) -> int:
        """Forget the unfinished piece; return how many bytes that were."""
        lost, self.offset = self.offset, 0
        self.etag = None
        self._anew()
        return lost

    def advance(self) -> None:
        """Go on to the next piece."""
        self.at += 1
        self.offset = 0
        self._anew()

    def _anew(self) -> None:
        self.hash = None if self.small else hashlib.sha256()


class Worker:
    """Belongs to one thread. `faults` counts what it recovered from, `arrived` the bytes that it verified."""

    def __init__(
        self, *, plan: Plan, fetcher: Fetcher, http: Http, stop: Stop, progress: Callable[[int], None],
        finish: Callable[[FileTask], None],
    ) -> None:  # fmt: skip
        self.faults = 0
        self.arrived = 0
        self._plan = plan
        self._fetcher = fetcher
        self._http = http
        self._stop = stop
        self._progress = progress
        self._finish = finish
        self._buffer = memoryview(bytearray(BUFFER))

    def run(self) -> None:
        """Work until nothing is left to claim.

        Raises:
            IntegrityError, RegistryError, InputError: one file cannot be had; the others are to be stopped.
            StoppedError: somebody else failed.
        """
        try:
            while (run := self._plan.claim()) is not None:
                try:
                    self._bring(run)
                except OSError as error:
                    raise disk_refused(error, path=run.task.target) from error
                finally:
                    self._plan.done(run)
        finally:
            self._fetcher.close()

    def _bring(self, run: Run) -> None:
        task, cursor = run.task, Cursor(run)
        budget = _Budget(http=self._http, fetcher=self._fetcher, what=task.source.what)
        if task.size == 0:
            self._verify_empty(cursor)
        while not cursor.done:
            self._stop.check()
            before = (cursor.at, cursor.offset)
            try:
                self._stream(cursor)
            except UnrangedError:
                self.faults += 1
                self._progress(-cursor.rewind())
                self._plan.give_back(run, cursor.pieces[cursor.at :])
                return
            except DirtyError as error:
                self._stop.check()
                self.faults += 1
                self._progress(-cursor.rewind())
                budget.dirty(cursor, error)
            except CutError as error:
                self._stop.check()
                self.faults += 1
                gained = (cursor.at - before[0]) * _GAIN + cursor.offset - before[1]
                budget.cut(error, gained=gained, missing=cursor.position)

    def _stream(self, cursor: Cursor) -> None:
        """One request: from the cursor to the end of the run, or as far as it goes."""
        task = cursor.task
        start, end = cursor.position, task.pieces[cursor.pieces[-1]].end
        ranged = task.ranged and (start > 0 or end < task.size)
        headers = {"Range": f"bytes={start}-{end - 1}"} if ranged else {}
        if ranged and cursor.offset and cursor.etag is not None:
            headers["If-Range"] = cursor.etag
        with self._fetcher.open(task.source, headers=headers) as answer:
            position = self._check(answer, cursor, ranged=ranged, start=start, end=end, headers=headers)
            cursor.etag = _strong(answer.headers.get("etag"))
            self._read(answer, cursor, position=position, end=end)

    def _check(
        self, answer: Answer, cursor: Cursor, *, ranged: bool, start: int, end: int, headers: dict[str, str]
    ) -> int:
        """Compare the answer's headers with what was asked; return the position in the file of its first byte."""
        size = cursor.task.size
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            raise DirtyError("the body is encoded, although that was not asked for")
        if answer.status == 200:
            if "If-Range" in headers:
                self._progress(-cursor.rewind())
                raise CutError("the file changed in the middle")
            if answer.length not in (None, size):
                raise DirtyError(f"the registry holds {answer.length} bytes, the release says {size}")
            if ranged:
                cursor.task.ranged = False
                raise UnrangedError
            return 0
        found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        if not ranged or found is None or (int(found[1]), int(found[2])) != (start, end - 1):
            raise DirtyError(f"asked for bytes {start}-{end - 1}, got {answer.headers.get('content-range')!r}")
        if found[3] not in ("*", str(size)) or answer.length not in (None, end - start):
            raise DirtyError(f"the registry holds {found[3]} bytes, the release says {size}")
        return start

    def _read(self, answer: Answer, cursor: Cursor, *, position: int, end: int) -> None:
        task = cursor.task
        small = cursor.small
        pace = _Pace(seconds=self._http.timeouts.read)
        while not cursor.done:
            piece = task.pieces[cursor.pieces[cursor.at]]
            wanted = cursor.position
            if position < wanted:
                view = self._buffer[: min(BUFFER, wanted - position)]
            else:
                at = position if small else 0
                view = self._buffer[at : at + min(BUFFER - at, piece.end - position)]
            count = answer.readinto(view)
            if count == 0:
                raise CutError(f"the body ended at byte {position} of {end}")
            self._stop.check()
            position += count
            pace.note(count)
            if position <= wanted:
                continue
            data = view[:count]
            if cursor.hash is not None:
                cursor.hash.update(data)
                task.write(data, position - count)
            cursor.offset += count
            self._progress(count)
            if cursor.offset == piece.length:
                if answer.length is None and position == task.size and answer.readinto(memoryview(bytearray(1))):
                    raise DirtyError(f"the body is longer than the {task.size} bytes that the release says")
                self._verify(cursor)

    def _verify(self, cursor: Cursor) -> None:
        task, piece = cursor.task, cursor.task.pieces[cursor.pieces[cursor.at]]
        found = (cursor.hash or hashlib.sha256(self._buffer[: task.size])).hexdigest()
        if found != piece.digest:
            what = "the bytes" if len(task.pieces) == 1 else f"bytes {piece.start}-{piece.end - 1}"
            raise DirtyError(f"{what} hash to {found}, the release says {piece.digest}")
        if cursor.small:
            task.write(self._buffer[: task.size], 0)
        self._pass(cursor, piece)

    def _verify_empty(self, cursor: Cursor) -> None:
        piece = cursor.task.pieces[0]
        if piece.digest != hashlib.sha256().hexdigest():
            raise IntegrityError(
                f"{cursor.task.source.what}: the release gives an empty file the digest {piece.digest}"
            )
        self._pass(cursor, piece)

    def _pass(self, cursor: Cursor, piece: Piece) -> None:
        task = cursor.task
        self.arrived += piece.length
        cursor.advance()
        if task.verified():
            self._finish(task)


class _Budget:
    """How much patience a run has left."""

    def __init__(self, *, http: Http, fetcher: Fetcher, what: str) -> None:
        self._http = http
        self._fetcher = fetcher
        self._what = what
        self._failures = 0
        self._cuts = 0
        self._dirty: dict[int, int] = {}

    def dirty(self, cursor: Cursor, error: DirtyError) -> None:
        """Allow one clean start for each piece."""
        self._dirty[cursor.at] = self._dirty.get(cursor.at, 0) + 1
        if self._dirty[cursor.at] >= CLEAN_STARTS:
            if isinstance(error, MalformedError):
                raise RegistryError(f"{self._what}: {error}") from error
            raise IntegrityError(f"{self._what}: {error}") from error

    def cut(self, error: CutError, *, gained: int, missing: int) -> None:
        """Wait before the next attempt; the first one after a gain follows at once."""
        self._failures = 1 if gained >= _GAIN else self._failures + 1
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


class _Pace:
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


def _strong(etag: str | None) -> str | None:
    return etag if etag is not None and etag.startswith('"') else None
