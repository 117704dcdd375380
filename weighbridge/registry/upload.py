"""A file as a request body: streamed, of known length, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

CHUNK = 256 * 1024


class Upload:
    """The bytes of a local file. `progress` is called with the number of bytes read since the last call."""

    def __init__(self, *, source: Path, progress: Callable[[int], None] | None = None) -> None:
        self._file = source.open("rb")
        self._size = source.stat().st_size
        self._progress = progress

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(CHUNK):
            yield chunk

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; the file is closed at its end."""
        if self._file.closed:
            return b""
        chunk = self._file.read(size)
        if not chunk:
            self._file.close()
        elif self._progress is not None:
            self._progress(len(chunk))
        return chunk
