"""HTTP/1.1 GET on one keep-alive connection, read straight into the caller's buffer.

Why not `requests`: its way from socket to buffer costs two copies and about 2 ms a request, which is most of the time
of a pull of many files (docs/pull.md has the figures). What is spoken is the least that RFC 9112 asks of a client; whatever
else a server says is refused. Lengths told by the server are never trusted: callers know every size from the release.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
from typing import Protocol

from weighbridge.pull.faults import CutError, MalformedError, StallError

HEAD_LIMIT = 64 * 1024
_INTERIM_LIMIT = 10
_STATUS = re.compile(r"HTTP/1\.([01]) ([0-9]{3})(?: [^\r\n]*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")


class ByteStream(Protocol):
    """A connected, perhaps encrypted, stream of bytes."""

    def receive(self, view: memoryview) -> int:
        """Read at least one byte into `view` and return how many; 0 at the end of the stream."""
        ...

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        ...


class Answer:
    """Status, headers (lower case) and a body that is read once. `length` is None where the server told none."""

    def __init__(self, *, connection: Connection, status: int, headers: dict[str, str], left: memoryview) -> None:
        self.status = status
        self.headers = headers
        self.finished = False
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
        if not self.finished or not self._keep:
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


class Connection:
    """One connection to `netloc`, kept open between requests.

    Args:
        stream: the connected stream.
        netloc: host, with the port where one is given, as it stands in a URL.
        raw: the socket below the stream, to break a read off from another thread.
    """

    def __init__(self, *, stream: ByteStream, netloc: str, raw: socket.socket) -> None:
        self.netloc = netloc
        self.requests = 0
        self.closed = False
        self._stream = stream
        self._raw = raw
        self._head = bytearray(HEAD_LIMIT)

    def get(self, *, target: str, headers: dict[str, str]) -> Answer:
        """Send a GET for `target` (path and query, quoted) and return the answer, its body unread.

        Raises:
            CutError: no answer came.
            MalformedError: what came is not HTTP.
        """
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {self.netloc}",
            *(f"{key}: {value}" for key, value in headers.items()),
        ]
        request = "\r\n".join(lines)
        if not request.isascii() or not request.replace("\r\n", "", len(lines) - 1).isprintable():
            raise MalformedError("the request would hold characters that no header may hold")
        self.requests += 1
        try:
            self._stream.send(f"{request}\r\n\r\n".encode("ascii"))
        except OSError as error:
            raise CutError(f"{self.netloc} gave no answer ({type(error).__name__})") from error
        return self._answer()

    def receive(self, view: memoryview) -> int:
        """Read from the stream; see `ByteStream.receive`.

        Raises:
            CutError: the connection was reset, or nothing came within the time that one read may take.
        """
        try:
            return self._stream.receive(view)
        except (BlockingIOError, TimeoutError) as error:
            raise StallError(f"{self.netloc} stalled") from error
        except (OSError, ValueError) as error:
            raise CutError(f"{self.netloc} cut the connection ({type(error).__name__})") from error

    def abort(self) -> None:
        """End a read that waits in another thread."""
        try:
            self._raw.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def close(self) -> None:
        """Close; more than once is fine."""
        self.closed = True
        self._raw.close()

    def _answer(self) -> Answer:
        for _ in range(_INTERIM_LIMIT):
            status, headers, left = self._read_head()
            if status >= 200:
                return Answer(connection=self, status=status, headers=headers, left=left)
            if len(left):
                raise MalformedError(f"{self.netloc} sent an interim answer that this client does not understand")
        raise MalformedError(f"{self.netloc} sent more than {_INTERIM_LIMIT} interim answers")

    def _read_head(self) -> tuple[int, dict[str, str], memoryview]:
        head, filled = self._head, 0
        view = memoryview(head)
        while (end := head.find(b"\r\n\r\n", 0, filled)) < 0:
            if filled == HEAD_LIMIT:
                raise MalformedError(f"{self.netloc} sent more than {HEAD_LIMIT} bytes of headers")
            count = self.receive(view[filled:])
            if count == 0:
                raise CutError(f"{self.netloc} gave no answer (closed)")
            filled += count
        status, headers = parse_head(bytes(head[:end]), netloc=self.netloc)
        return status, headers, view[end + 4 : filled]


def parse_head(head: bytes, *, netloc: str) -> tuple[int, dict[str, str]]:
    """Return status and headers, names in lower case; a name that stands twice is joined with a comma (RFC 9110 5.2).

    Raises:
        MalformedError: it is not the head of an HTTP/1.x answer.
    """
    first, *rest = head.decode("latin-1").split("\r\n")
    found = _STATUS.fullmatch(first)
    if found is None:
        raise MalformedError(f"{netloc} did not answer with HTTP: is this the registry?")
    headers: dict[str, str] = {}
    if found[1] == "0":
        headers["connection"] = "close"
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise MalformedError(f"{netloc} sent a malformed header")
        key, text = name.lower(), value.strip(" \t")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return int(found[2]), headers


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
    if not re.fullmatch(r"[0-9]{1,16}", told):
        raise MalformedError(f"Content-Length is {told!r}")
    return int(told)


def _keeps(headers: dict[str, str]) -> bool:
    return "close" not in headers.get("connection", "").lower()


def connect(
    *, host: str, port: int, netloc: str, tls: ssl.SSLContext | None, connect_timeout: float, read_timeout: float
) -> Connection:
    """Open a connection. The timeouts are in seconds; `read_timeout` is the longest that one read may take.

    Raises:
        CutError: nobody answers, or the certificate is not the host's.
    """
    from weighbridge.pull.tls import PlainStream, TlsStream

    try:
        raw = socket.create_connection((host, port), timeout=connect_timeout)
    except OSError as error:
        raise CutError(f"{netloc} gave no answer ({error})") from error
    try:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A time limit of the kernel's own: Python's costs a poll() before every read.
        raw.settimeout(None)
        _limit_reads(raw, connect_timeout)
        stream = PlainStream(raw) if tls is None else TlsStream(raw, context=tls, host=host)
        _limit_reads(raw, read_timeout)
    except ssl.SSLCertVerificationError as error:
        raw.close()
        raise CutError(f"{netloc}: its certificate is not trusted ({error.verify_message})") from error
    except OSError as error:
        raw.close()
        raise CutError(f"{netloc}: no encrypted connection ({type(error).__name__})") from error
    return Connection(stream=stream, netloc=netloc, raw=raw)


def _limit_reads(raw: socket.socket, seconds: float) -> None:
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
