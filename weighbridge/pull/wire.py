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
from functools import lru_cache
from typing import Protocol

from weighbridge.pull.answer import Answer
from weighbridge.pull.faults import CutError, MalformedError, StallError
from weighbridge.pull.tunnel import open_tunnel
from weighbridge.registry.outward import Proxy

HEAD_LIMIT = 64 * 1024
_INTERIM_LIMIT = 10
_STATUS = re.compile(r"HTTP/1\.([01]) ([0-9]{3})(?: [^\r\n]*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class ByteStream(Protocol):
    """A connected, perhaps encrypted, stream of bytes."""

    def receive(self, view: memoryview) -> int:
        """Read at least one byte into `view` and return how many; 0 at the end of the stream."""
        ...

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        ...


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
        self.idle = True
        self._stream = stream
        self._raw = raw
        self._head = bytearray(HEAD_LIMIT)

    def get(self, *, target: str, headers: dict[str, str]) -> Answer:
        """Send a GET for `target` (path and query, quoted) and return the answer, its body unread.

        Raises:
            CutError: no answer came.
            MalformedError: what came is not HTTP.
        """
        self.ask(target=target, headers=headers)
        return self.answer()

    def ask(self, *, target: str, headers: dict[str, str]) -> None:
        """Send a GET whose answer is read later; the connection is not `idle` until that answer was read.

        Raises:
            CutError: it cannot be sent.
            MalformedError: it would not be HTTP.
        """
        self.idle = False
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

    def release(self) -> None:
        """Take the next request; the answer was read to its end."""
        self.idle = True

    def close(self) -> None:
        """Close; more than once is fine."""
        self.closed = True
        self._raw.close()

    def answer(self) -> Answer:
        """Return the answer to the request that was sent.

        Raises:
            CutError: no answer came.
            MalformedError: what came is not HTTP.
        """
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
        key = _key_of(name) if colon else None
        if key is None:
            raise MalformedError(f"{netloc} sent a malformed header")
        text = value.strip(" \t")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return int(found[2]), headers


@lru_cache(maxsize=256)
def _key_of(name: str) -> str | None:
    """Return a header's name in lower case, None when it is malformed; a server's few names come back every time."""
    return name.lower() if _NAME.fullmatch(name) else None


def connect(
    *,
    host: str,
    port: int,
    netloc: str,
    tls: ssl.SSLContext | None,
    connect_timeout: float,
    read_timeout: float,
    proxy: Proxy | None = None,
) -> Connection:
    """Open a connection, through `proxy` if there is one. The timeouts are in seconds; `read_timeout` is the longest that
    one read may take.

    Raises:
        CutError: nobody answers, the proxy refuses, or the certificate is not the host's.
    """
    from weighbridge.pull.tls import PlainStream, TlsStream

    first = (host, port) if proxy is None else (proxy.host, proxy.port)
    try:
        raw = socket.create_connection(first, timeout=connect_timeout)
    except OSError as error:
        who = netloc if proxy is None else f"the proxy {proxy.host}:{proxy.port}"
        raise CutError(f"{who} gave no answer ({error})") from error
    try:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A time limit of the kernel's own: Python's costs a poll() before every read.
        raw.settimeout(None)
        _limit_reads(raw, connect_timeout)
        if proxy is not None:
            open_tunnel(raw, host=host, port=port, proxy=proxy)
        stream = PlainStream(raw) if tls is None else TlsStream(raw, context=tls, host=host)
        _limit_reads(raw, read_timeout)
    except CutError:
        raw.close()
        raise
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
