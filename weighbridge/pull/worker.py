"""One worker: fetch runs of pieces, hash each piece as it arrives, write it, resume after a cut, begin anew after a flip."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Callable

from weighbridge.errors import (
    IntegrityError,
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
)
from weighbridge.pull.answer import Answer
from weighbridge.pull.connections import Stop
from weighbridge.pull.cursor import Cursor
from weighbridge.pull.faults import (
    CutError,
    DirtyError,
    UnrangedError,
    WrongRangeError,
    disk_refused,
)
from weighbridge.pull.fetch import Fetcher, Source, SourceKind
from weighbridge.pull.patience import GAIN, Budget, Pace
from weighbridge.pull.plan import BUFFER, Plan, Run
from weighbridge.pull.routes import Routes
from weighbridge.pull.task import Piece
from weighbridge.registry.http import Http

AHEAD = 16
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,16})-([0-9]{1,16})/([0-9]{1,16}|\*)")


class Worker:
    """Belongs to one thread. `faults` counts what it recovered from, `arrived` the bytes that it verified."""

    def __init__(
        self, *, plan: Plan, fetcher: Fetcher, http: Http, stop: Stop, progress: Callable[[int], None],
        routes: Routes,
    ) -> None:  # fmt: skip
        self.faults = 0
        self._kind: SourceKind = "registry"
        self.arrived: dict[SourceKind, int] = {"registry": 0, "regional": 0}
        self._plan = plan
        self._fetcher = fetcher
        self._http = http
        self._stop = stop
        self._progress = progress
        self._routes = routes
        self._buffer = memoryview(bytearray(BUFFER))
        self._claimed: deque[Run] = deque()

    def run(self) -> None:
        """Work until nothing is left to claim.

        Raises:
            IntegrityError, RegistryError, InputError: one file cannot be had; the others are to be stopped.
            StoppedError: somebody else failed.
        """
        try:
            while (run := self._next()) is not None:
                if isinstance(run, float):
                    self._fetcher.pause(run)
                    continue
                try:
                    self._bring(run)
                except OSError as error:
                    raise disk_refused(error, path=run.task.target) from error
                finally:
                    self._plan.done(run)
        finally:
            for run in self._claimed:
                self._plan.done(run)
            self._fetcher.close()

    def _next(self) -> Run | float | None:
        """Return what to do next. Small files are asked for ahead, so that nobody waits for the server between them."""
        while not self._claimed or (len(self._claimed) < AHEAD and self._claimed[-1].small):
            run = self._plan.claim()
            if not isinstance(run, Run):
                return self._claimed.popleft() if self._claimed else run
            self._claimed.append(run)
            if run.small and run.task.size:
                self._fetcher.ask(run.task.source)
        return self._claimed.popleft()

    def _bring(self, run: Run) -> None:
        """Fetch a run, or give back what is missing of it when another source is to be asked."""
        cursor = Cursor(run)
        source = run.task.source
        try:
            self._fetch(cursor, source)
        except (IntegrityError, RegistryError) as error:
            if not self._routes.other(run.task, failed=source, error=error):
                raise
            self.faults += not isinstance(error, RegistryNotFoundError | RegistryForbiddenError)
        except UnrangedError:
            self.faults += 1
        if not cursor.done:
            self._progress(-cursor.rewind())
            self._plan.give_back(run, cursor.pieces[cursor.at :])

    def _fetch(self, cursor: Cursor, source: Source) -> None:
        budget = Budget(http=self._http, fetcher=self._fetcher, what=source.what)
        self._kind = source.kind
        if cursor.task.size == 0:
            self._verify_empty(cursor)
        while not cursor.done:
            self._stop.check()
            before = (cursor.at, cursor.offset)
            try:
                self._stream(cursor, source)
            except DirtyError as error:
                self._stop.check()
                self._progress(-cursor.rewind())
                if isinstance(error, WrongRangeError) and (budget.was_dirty(cursor) or not cursor.task.ranged):
                    cursor.task.ranged = False
                    raise UnrangedError from error
                budget.dirty(cursor, error)
                self.faults += 1
            except CutError as error:
                self._stop.check()
                gained = (cursor.at - before[0]) * GAIN + cursor.offset - before[1]
                budget.cut(error, gained=gained, missing=cursor.position)
                self.faults += 1

    def _stream(self, cursor: Cursor, source: Source) -> None:
        """One request: from the cursor to the end of the run, or as far as it goes."""
        task = cursor.task
        start, end = cursor.position, task.pieces[cursor.pieces[-1]].end
        ranged = task.ranged and (start > 0 or end < task.size)
        headers = {"Range": f"bytes={start}-{end - 1}"} if ranged else {}
        if ranged and cursor.offset and cursor.etag is not None:
            headers["If-Range"] = cursor.etag
        with self._fetcher.open(source, headers=headers) as answer:
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
        if not ranged:
            raise DirtyError("part of the file came, although all of it was asked for")
        found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        if found is None or (int(found[1]), int(found[2])) != (start, end - 1):
            raise WrongRangeError(f"asked for bytes {start}-{end - 1}, got {answer.headers.get('content-range')!r}")
        if found[3] not in ("*", str(size)) or answer.length not in (None, end - start):
            raise WrongRangeError(f"the registry holds {found[3]} bytes, the release says {size}")
        return start

    def _read(self, answer: Answer, cursor: Cursor, *, position: int, end: int) -> None:
        task = cursor.task
        small = cursor.small
        pace = Pace(seconds=self._http.timeouts.read)
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
        self.arrived[self._kind] += piece.length
        cursor.advance()
        if task.verified():
            self._routes.finish(task, sent=lambda _: self._stop.check())


def _strong(etag: str | None) -> str | None:
    return etag if etag is not None and etag.startswith('"') else None
