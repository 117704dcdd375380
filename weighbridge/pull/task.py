"""One file on its way: pieces with signed digests, a draft on disk, and the rename once every piece is verified."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from weighbridge.names import Digest
from weighbridge.pull.fetch import Source
from weighbridge.release import Component

VERIFIED_MODE = 0o400
_READ_SIZE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """`length` bytes from `start` on, and the SHA-256 hex digits that the release gives for them."""

    start: int
    length: int
    digest: str

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.start + self.length


def pieces_of(component: Component, *, chunks: Sequence[Digest] | None, chunk_size: int) -> tuple[Piece, ...]:
    """Cut a file along its chunk digests; without them it is one piece with the file's own digest."""
    if not chunks or len(chunks) == 1:
        return (Piece(0, component.size, component.digest.hex),)
    return tuple(
        Piece(at * chunk_size, min(chunk_size, component.size - at * chunk_size), digest.hex)
        for at, digest in enumerate(chunks)
    )


@dataclass(slots=True)
class FileTask:
    """What the workers share about a file. `missing` are the pieces that are neither verified nor being fetched.

    `active` counts the runs in flight; `ranged` turns false once the server was seen to ignore Range. `source` may change
    on the way to `registry`, the one that always holds the file; nobody begins a run before `not_before` (monotonic).
    """

    component: Component
    target: str
    draft: str
    pieces: tuple[Piece, ...]
    source: Source
    registry: Source
    not_before: float = 0.0
    missed_at: float | None = None
    ranged: bool = True
    active: int = 0
    missing: list[int] = field(default_factory=list)
    unverified: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    writing: threading.Lock = field(default_factory=threading.Lock)
    _descriptor: int | None = None

    def __post_init__(self) -> None:
        self.missing = list(range(len(self.pieces)))
        self.unverified = len(self.pieces)

    @property
    def size(self) -> int:
        """The file's size in bytes."""
        return self.component.size

    @property
    def begun(self) -> bool:
        """Whether some pieces are verified already."""
        return self.unverified < len(self.pieces)

    def reuse(self, *, check: Callable[[int, tuple[Piece, ...]], Sequence[bool]]) -> int:
        """Verify what a killed pull left in the draft, piece by piece; return the number of bytes that may stay."""
        descriptor = os.open(self.draft, os.O_RDWR | os.O_NOFOLLOW)
        self._descriptor = descriptor
        good = check(descriptor, self.pieces)
        self.missing = [at for at, fine in enumerate(good) if not fine]
        self.unverified = len(self.missing)
        return sum(piece.length for piece, fine in zip(self.pieces, good, strict=True) if fine)

    def write(self, view: memoryview, offset: int) -> None:
        """Write to the draft, which is made at its full size first."""
        descriptor = self._open()
        while view:
            # The kernel lets one writer into a file and the others spin; here they sleep.
            with self.writing:
                written = os.pwrite(descriptor, view, offset)
            offset += written
            view = view[written:]

    def verified(self) -> bool:
        """Note one verified piece; true for the last one."""
        with self.lock:
            self.unverified -= 1
            return self.unverified == 0

    def finish(self) -> None:
        """Give the file its name. Every piece was verified."""
        descriptor = self._open()
        os.fchmod(descriptor, VERIFIED_MODE)
        self.release()
        os.rename(self.draft, self.target)  # noqa: PTH104 - see folder.Layout

    def release(self) -> None:
        """Close the draft and leave it where it is."""
        with self.lock:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self) -> int:
        with self.lock:
            if self._descriptor is None:
                self._descriptor = os.open(self.draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
                if self.size > _READ_SIZE:
                    preallocate(self._descriptor, self.size)
            return self._descriptor


def preallocate(descriptor: int, size: int) -> None:
    """Reserve `size` bytes, so that a full disk is noticed before the transfer and writes need no new blocks."""
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise
        os.ftruncate(descriptor, size)


def hash_piece(descriptor: int, piece: Piece) -> str:
    """Return the SHA-256 hex digits of what an open file holds in a piece's place."""
    found = hashlib.sha256()
    at = piece.start
    while at < piece.end and (data := os.pread(descriptor, min(_READ_SIZE, piece.end - at), at)):
        found.update(data)
        at += len(data)
    return found.hexdigest()
