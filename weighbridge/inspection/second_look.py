"""A scanner's look at a release that is streamed: a few files at a time lie in a scratch folder, and go when they were scanned.

What the scanner does not get to see whole, because it is larger than the room there is or because time runs out, is blocked.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from weighbridge.inspection.findings import Fault, FileVerdict, Finding
from weighbridge.inspection.reader import Bytes
from weighbridge.inspection.report import InspectionReport, ScannerRun
from weighbridge.inspection.scanners import Scanner
from weighbridge.inspection.scanners.second_layer import scan_files

MIB = 1024 * 1024
RULE = "inspect.scanner.room"
# Small files are scanned together: starting a scanner takes a third of a second.
_TOGETHER_BYTES = 32 * MIB
_TOGETHER_FILES = 100
# The scanner's report and its scratch lie beside the file.
_SPARE_BYTES = 64 * MIB
# What is left of the time for the signature, the statement and the ledger; and the least that a scan is begun with.
_CLOSING_SECONDS = 30.0
_LEAST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Room:
    """What an inspection may use. `scanner` makes one that may take so many seconds, None for the own validators alone; `largest`
    is the size in bytes of the largest file that it can read; `left` tells the seconds that are left in all."""

    scanner: Callable[[int], Scanner] | None
    largest: int
    left: Callable[[], float]


@dataclass(slots=True)
class SecondLook:
    """Copies what passes by, scans it, and deletes it. A context manager: nothing is left behind."""

    room: Room
    _opened: ExitStack = field(default_factory=ExitStack)
    _folder: Path = field(default=Path())
    _waiting: list[FileVerdict] = field(default_factory=list)
    _judged: list[FileVerdict] = field(default_factory=list)
    _runs: list[ScannerRun] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._folder = Path(self._opened.enter_context(tempfile.TemporaryDirectory(prefix="weighbridge-inspect-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def refusal(self, size: int) -> str | None:
        """Return why a file of `size` bytes cannot be looked at here; None when it can."""
        if self.room.left() < _CLOSING_SECONDS + _LEAST_SECONDS:
            return "the time is up"
        if self.room.scanner is None:
            return None
        if size > self.room.largest:
            return f"{size} bytes, and the scanner's memory holds {self.room.largest}"
        if sum(file.size for file in self._waiting) + size > _TOGETHER_BYTES or len(self._waiting) >= _TOGETHER_FILES:
            self._scan()
        free = shutil.disk_usage(self._folder).free
        return f"{size} bytes, and the storage holds {free}" if size + _SPARE_BYTES > free else None

    @contextmanager
    def passing(self, path: str, file: Bytes) -> Iterator[Bytes]:
        """Give `file` such that what is read of it is copied for the scanner; reading ends when the time is up."""
        if self.room.scanner is None:
            yield _Passing(file=file, copy=None, left=self.room.left)
            return
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb", buffering=MIB) as copy:
            yield _Passing(file=file, copy=copy, left=self.room.left)

    def add(self, file: FileVerdict) -> None:
        """Take the verdict on what passed; it comes back from `finish` with what the scanner found."""
        if self.room.scanner is None:
            self._judged.append(file)
        elif file.digest is None:
            # Blocked before its end was read: there is no whole copy, and nothing that a scanner could add.
            (self._folder / file.path).unlink(missing_ok=True)
            self._runs.append(ScannerRun(name=self.room.scanner(1).name, version="unknown", complete=False))
            self._judged.append(file)
        else:
            self._waiting.append(file)

    def refuse(self, *, path: str, size: int, why: str) -> None:
        """Block a file that there is no room for."""
        self.add(FileVerdict(path=path, size=size, format="unknown", findings=(Finding(RULE, why),)))

    def finish(self) -> tuple[list[FileVerdict], tuple[ScannerRun, ...]]:
        """Scan what still waits; return every verdict, and what the scanner did as one run."""
        self._scan()
        runs = self._runs
        if not runs:
            return self._judged, ()
        version = next((run.version for run in runs if run.version != "unknown"), "unknown")
        whole = ScannerRun(
            name=runs[0].name,
            version=version,
            complete=all(run.complete for run in runs),
            files=sum(run.files for run in runs),
        )
        return self._judged, (whole,)

    def _scan(self) -> None:
        if not self._waiting or self.room.scanner is None:
            return
        seconds = int(self.room.left() - _CLOSING_SECONDS)
        scanner = self.room.scanner(max(seconds, 1))
        if seconds < _LEAST_SECONDS:
            late = Finding(RULE, "the time is up")
            self._judged += [replace(file, findings=(*file.findings, late)) for file in self._waiting]
            self._runs.append(ScannerRun(name=scanner.name, version="unknown", complete=False))
        else:
            report = scan_files(self._folder, InspectionReport(files=tuple(self._waiting)), scanners=(scanner,))
            self._judged += report.files
            self._runs += report.scanners
        for file in self._waiting:
            (self._folder / file.path).unlink()
        self._waiting.clear()


@dataclass(frozen=True, slots=True)
class _Passing:
    file: Bytes
    copy: BinaryIO | None
    left: Callable[[], float]

    def read(self, size: int, /) -> bytes:
        if self.left() < _CLOSING_SECONDS:
            raise Fault(RULE, "the time was up while it was read")
        data = self.file.read(size)
        try:
            if self.copy is not None:
                self.copy.write(data)
                if not data:
                    self.copy.flush()
        except OSError as error:
            raise Fault(RULE, f"it cannot be kept for the scanner: {error.strerror}") from error
        return data
