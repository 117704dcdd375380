"""A scanner: somebody else's program, which looks a second time and is believed only when it says no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Answer = Literal["clean", "unsafe", "skipped"]


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """What a scanner says about one file; `words` are the scanner's own."""

    answer: Answer
    words: str = ""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """One run. `files` maps paths to answers; `fault` says why the run as a whole is worth nothing, None if it is."""

    version: str
    files: Mapping[str, ScannedFile]
    fault: str | None = None


class Scanner(Protocol):
    """Anything that judges files in a folder. It must not raise: what it could not do is a `fault`."""

    @property
    def name(self) -> str:
        """Short name, for the report."""

    def scan(self, folder: Path, paths: Sequence[str]) -> ScanResult:
        """Scan `paths`, relative to `folder`."""
