"""A file as a request body: streamed, of known length, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK = 256 * 1024


class Upload:
    """The bytes of a local file, opened when the first of them is read.

    `progress` is called with the number of bytes read since the last call; `take_back` tells it that those of a failed
    attempt are to be sent again, as a negative number.
    """

    def __init__(self, *, source: Path, size: int, progress: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._size = size
        self._progress = progress
        self._file: BinaryIO | None = None
        self._read = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(CHUNK):
            yield chunk

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; the file is closed at its end."""
        if self._file is None:
            self._file = self._source.open("rb")
        if self._file.closed:
            return b""
        chunk = self._file.read(size)
        self._read += len(chunk)
        if not chunk:
            self._file.close()
        elif self._progress is not None:
            self._progress(len(chunk))
        return chunk

    def take_back(self) -> None:
        """Close the file; what was read of it has to be sent again."""
        if self._file is not None:
            self._file.close()
        if self._read and self._progress is not None:
            self._progress(-self._read)
        self._read = 0


class Uploads:
    """Makes the body anew for every attempt. An empty file is an empty body: its length would not be sent otherwise."""

    def __init__(self, *, source: Path, size: int, progress: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._size = size
        self._progress = progress
        self._last: Upload | None = None

    def __call__(self) -> Upload | bytes:
        if self._last is not None:
            self._last.take_back()
        if self._size == 0:
            return b""
        self._last = Upload(source=self._source, size=self._size, progress=self._progress)
        return self._last
