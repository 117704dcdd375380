"""One HTTP/1.1 answer: status, headers, and a body that is read into the caller's buffer, whole or in chunks."""

from __future__ import annotations

import re
from typing import Protocol

from weighbridge.pull.faults import CutError, MalformedError

_LENGTH = re.compile(r"[0-9]{1,16}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")


class Carrier(Protocol):
    """The connection that an answer comes over."""

    def receive(self, view: memoryview) -> int:
        """Read at least one byte into `view` and return how many; 0 at the end of the stream."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...

    def release(self) -> None:
        """Take the next request; the answer was read to its end."""
        ...


class Answer:
    """Status, headers (lower case) and a body that is read once. `length` is None where the server told none."""

    def __init__(self, *, connection: Carrier, status: int, headers: dict[str, str], left: memoryview) -> None:
        self.status = status
        self.headers = headers
        self.finished = False
        self._closed = False
        self._connection = connection
        self._left = left
        self._chunked = _is_chunked(headers)
        self.length = None if self._chunked else _length_of(headers, status=status)
        self._remaining = self.length
        self._keep = _keeps(headers) and (self._chunked or self.length is not None)
        if self.length == 0:
            self._end()

    def readinto(self, view: memoryview) -> int:
        """Read into `view` what has arrived, at least one byte, and return how many; 0 at the body's end.

        Raises:
            CutError: the body broke off or stalled.
            MalformedError: its framing is malformed.
        """
        if self.finished:
            return 0
        if self._chunked and not self._remaining:
            self._next_chunk()
            if self.finished:
                return 0
        wanted = view if self._remaining is None else view[: self._remaining]
        count = self._take(wanted)
        if count == 0:
            if self._remaining is not None:
                raise CutError(f"the body broke off {self._remaining} bytes before its end")
            self._end()
            return 0
        if self._remaining is not None:
            self._remaining -= count
            if self._remaining == 0 and not self._chunked:
                self._end()
        return count

    def read(self, limit: int) -> bytes:
        """Return the body's first `limit` bytes."""
        held = bytearray(limit)
        filled = 0
        while filled < limit and (count := self.readinto(memoryview(held)[filled:])):
            filled += count
        return bytes(held[:filled])

    def close(self) -> None:
        """Close the connection, unless the body was read to its end and the connection can be used again."""
        if self._closed:
            return
        self._closed = True
        if self.finished and self._keep:
            self._connection.release()
        else:
            self._connection.close()

    def _end(self) -> None:
        self.finished = True
        if len(self._left):
            self._keep = False

    def _take(self, view: memoryview) -> int:
        if not len(self._left):
            return self._connection.receive(view)
        count = min(len(view), len(self._left))
        view[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _line(self) -> bytes:
        line = bytearray()
        byte = memoryview(bytearray(1))
        while not line.endswith(b"\r\n"):
            if self._take(byte) == 0:
                raise CutError("the body broke off between two chunks")
            line += byte
            if len(line) > 1024:
                raise MalformedError("the body's chunks are malformed")
        return bytes(line[:-2])

    def _next_chunk(self) -> None:
        line = self._line()
        if self._remaining == 0:
            if line:
                raise MalformedError("the body's chunks are malformed")
            line = self._line()
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise MalformedError("the body's chunks are malformed")
        self._remaining = int(found.group(1), 16)
        if self._remaining == 0:
            while self._line():
                pass
            self._end()


def _is_chunked(headers: dict[str, str]) -> bool:
    coding = headers.get("transfer-encoding")
    if coding is None:
        return False
    if coding.lower() != "chunked" or "content-length" in headers:
        raise MalformedError(f"the body is framed as {coding!r}, which was not asked for")
    return True


def _length_of(headers: dict[str, str], *, status: int) -> int | None:
    if status in (204, 304):
        return 0
    told = headers.get("content-length")
    if told is None:
        return None
    if not _LENGTH.fullmatch(told):
        raise MalformedError(f"Content-Length is {told!r}")
    return int(told)


def _keeps(headers: dict[str, str]) -> bool:
    return "close" not in headers.get("connection", "").lower()
