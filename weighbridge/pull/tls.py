"""Streams below HTTP: a plain socket, and TLS fed by large raw reads.

Python's SSLSocket reads one 16 KiB record with a system call of its own (CPython issue 81536). Here one read of the
socket brings up to 512 KiB, from which OpenSSL takes its records in memory.
"""

from __future__ import annotations

import socket
import ssl
import threading

_RAW_READ = 512 * 1024
_scratch = threading.local()


class PlainStream:
    """An unencrypted connection."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw

    def receive(self, view: memoryview) -> int:
        """See `ByteStream.receive`."""
        return self._raw.recv_into(view)

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self._raw.sendall(data)


class TlsStream:
    """An encrypted connection; the handshake is done when it is made.

    Raises:
        ssl.SSLError: the handshake failed, or the certificate is not `host`'s.
    """

    def __init__(self, raw: socket.socket, *, context: ssl.SSLContext, host: str) -> None:
        self._raw = raw
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._ended = False
        self._handshake()

    def receive(self, view: memoryview) -> int:
        """Fill `view` as far as what has arrived goes."""
        while not (filled := self._decrypt(view)) and not self._ended:
            self._feed()
        self._flush()
        return filled

    def send(self, data: bytes) -> None:
        """Encrypt and send all of `data`."""
        sent = 0
        while sent < len(data):
            sent += self._tls.write(data[sent:])
        self._flush()

    def _decrypt(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view):
            try:
                count = int(self._tls.read(len(view) - filled, view[filled:]))
            except ssl.SSLWantReadError:
                break
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                count = 0
            if not count:
                self._ended = True
                break
            filled += count
        return filled

    def _handshake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
            except ssl.SSLError:
                self._flush()
                raise
            else:
                self._flush()
                return

    def _feed(self) -> None:
        buffer = _scratch_buffer()
        count = self._raw.recv_into(buffer)
        if count:
            self._incoming.write(buffer[:count])
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._raw.sendall(self._outgoing.read())


def _scratch_buffer() -> memoryview:
    """Return this thread's buffer for raw reads: what it holds moves on before the thread reads again."""
    found: memoryview | None = getattr(_scratch, "buffer", None)
    if found is None:
        found = _scratch.buffer = memoryview(bytearray(_RAW_READ))
    return found
