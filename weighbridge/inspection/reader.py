"""Read a file once, from front to back, and hash what goes by."""

from __future__ import annotations

from typing import Protocol

from weighbridge.inspection.findings import ExternalRange, Fault
from weighbridge.release import FileDigests, FileHasher

PEEK_LIMIT = 64 * 1024
READ_LIMIT = 64 * 1024 * 1024
_STEP = 1024 * 1024


class Bytes(Protocol):
    """What is read: an open file, or a stream from the registry. Fewer bytes than asked for are not yet the end."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""
        ...


class ForwardReader:
    """A bounded view of one file. All sizes and positions are in bytes.

    What a validator reads or skips is hashed as it passes, so that the digest is that of the very bytes it judged. No
    length that a file claims for itself makes the reader allocate: it is compared with what is left, and with a limit.
    `outside` gathers what the file reads from others beside it.
    """

    def __init__(self, file: Bytes, *, size: int) -> None:
        self.size = size
        self.outside: list[ExternalRange] = []
        self._file = file
        self._hasher = FileHasher()
        self._ahead = b""
        self._position = 0
        # Hashed together: a format of many small numbers would else cost a call for each byte.
        self._passed = bytearray()

    @property
    def position(self) -> int:
        """Where the next read begins."""
        return self._position

    @property
    def remaining(self) -> int:
        """Bytes that are left."""
        return self.size - self.position

    def peek(self, length: int) -> bytes:
        """Return up to `length` (at most 64 KiB) of the next bytes without going on."""
        while len(self._ahead) < min(length, PEEK_LIMIT):
            data = self._file.read(PEEK_LIMIT - len(self._ahead))
            if not data:
                break
            self._ahead += data
        return self._ahead[:length]

    def read(self, length: int, *, what: str, limit: int = READ_LIMIT) -> bytes:
        """Return exactly `length` bytes.

        Raises:
            Fault: `inspect.file.truncated` when fewer are left; `inspect.file.too-large` when `length` exceeds `limit`.
        """
        self._check(length, what=what)
        if length > min(limit, READ_LIMIT):
            raise Fault(
                "inspect.file.too-large", f"{what}: {length} bytes exceed the limit of {limit}", offset=self.position
            )
        data = self._take(length)
        while len(data) < length and (more := self._file.read(length - len(data))):
            data += more
        self._position += len(data)
        self._passed += data
        if len(self._passed) >= PEEK_LIMIT:
            self._hash_passed()
        if len(data) != length:
            raise Fault("inspect.file.changed", "it became shorter while it was read", offset=self.position)
        return data

    def byte(self, *, what: str) -> int:
        """Return the next byte; formats of many small fields take most of theirs so.

        Raises:
            Fault: as `read`.
        """
        if self._ahead or self._position >= self.size:
            return self.read(1, what=what)[0]
        data = self._file.read(1)
        if not data:
            raise Fault("inspect.file.changed", "it became shorter while it was read", offset=self.position)
        self._position += 1
        self._passed += data
        return data[0]

    def skip(self, length: int, *, what: str) -> None:
        """Go on by `length` bytes, hashing them.

        Raises:
            Fault: `inspect.file.truncated` when fewer are left.
        """
        self._check(length, what=what)
        while length:
            step = min(length, _STEP)
            self.read(step, what=what)
            length -= step

    def finish(self) -> FileDigests:
        """Read to the promised end and return size and digests.

        Raises:
            Fault: `inspect.file.changed`, when the file is not as long as it was when it was opened.
        """
        self.skip(self.remaining, what="rest")
        if self._ahead or self._file.read(1):
            raise Fault("inspect.file.changed", "it became longer while it was read", offset=self.size)
        self._hash_passed()
        return self._hasher.finish()

    def _hash_passed(self) -> None:
        self._hasher.update(bytes(self._passed))
        self._passed.clear()

    def _check(self, length: int, *, what: str) -> None:
        if length > self.remaining:
            raise Fault(
                "inspect.file.truncated",
                f"{what}: {length} bytes are claimed, {self.remaining} are left",
                offset=self.position,
            )

    def _take(self, length: int) -> bytes:
        data, self._ahead = self._ahead[:length], self._ahead[length:]
        return data + self._file.read(length - len(data)) if len(data) < length else data
