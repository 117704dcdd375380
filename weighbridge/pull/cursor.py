"""Where a worker stands in a run."""

from __future__ import annotations

import hashlib

from weighbridge.pull.plan import Run


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
        self.small = run.small
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
