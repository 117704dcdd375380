"""An HTTP or HTTPS file server on loopback that commits the faults it is told to, and remembers every request."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

Kind = Literal[
    "flip",  # one byte inverted at `at`
    "cut",  # the connection is reset at byte `at` of the body
    "short",  # a clean body that ends at `at`, with a matching Content-Length
    "stall",  # silence from byte `at` on
    "drip",  # one byte every now and then, from `at` on
    "endless",  # no length, and bytes without end
    "long",  # Content-Length and body longer than the file
    "wrong-range",  # 206 whose Content-Range and bytes are one byte further on
    "other-total",  # 206 whose Content-Range tells another total
    "no-ranges",  # Range is ignored: 200 with the whole file
    "changed",  # another ETag, and other bytes
    "status",  # answers with `status` and `headers`
    "redirect",  # 302 to `location`
    "garbage",  # not HTTP at all
    "encoded",  # claims Content-Encoding: gzip
    "silent-close",  # closes without an answer
]


@dataclass
class Fault:
    """Strikes `times` requests whose path ends in `path` (and that carry a Range, when `ranged` is set)."""

    kind: Kind
    path: str = ""
    at: int = 0
    times: int = 1
    skip: int = 0
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    location: str = ""
    ranged: bool | None = None
    struck: int = 0


@dataclass(frozen=True)
class Seen:
    """One request. `first` is the first byte asked for, or None without Range."""

    path: str
    headers: dict[str, str]

    @property
    def first(self) -> int | None:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        return int(found.group(1)) if found else None


class FaultyServer:
    """Serves `files` (URL path to bytes). Paths may carry a query, which is ignored when the file is looked up."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.tokens: set[str] | None = None
        self.seen: list[Seen] = []
        self.connections = 0
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._gate = threading.Event()
        self._scheme = "https" if tls else "http"
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self._server.tls = tls
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def fault(self, kind: Kind, path: str = "", **details: object) -> Fault:
        fault = Fault(kind, path, **details)  # type: ignore[arg-type]
        self._faults.append(fault)
        return fault

    def requests_for(self, name: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path.partition("?")[0].endswith(name)]

    def note(self, seen: Seen) -> Fault | None:
        """Remember the request and return the fault that strikes it."""
        with self._lock:
            self.seen.append(seen)
            for fault in self._faults:
                if not seen.path.partition("?")[0].endswith(fault.path) or fault.struck >= fault.times + fault.skip:
                    continue
                if fault.ranged is not None and fault.ranged != ("range" in seen.headers):
                    continue
                fault.struck += 1
                if fault.struck > fault.skip:
                    return fault
        return None

    def release(self) -> None:
        """Wake everything that stalls."""
        self._gate.set()

    def wait(self, seconds: float) -> bool:
        return self._gate.wait(seconds)

    def close(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        if self.tls is not None:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the game."""


def _handler_for(world: FaultyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        faulty = world

    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faulty: FaultyServer

    def setup(self) -> None:
        super().setup()
        self.faulty.connections += 1
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = self.faulty.note(Seen(self.path, headers))
        if fault is not None and fault.kind in ("status", "redirect", "garbage", "silent-close"):
            self._answer_without_file(fault)
            return
        tokens = self.faulty.tokens
        if tokens is not None and headers.get("authorization", "").removeprefix("Bearer ") not in tokens:
            self._plain(401, b'{"errors":[{"status":401,"message":"Bad token"}]}', {})
            return
        data = self.faulty.files.get(unquote(self.path.partition("?")[0]))
        if data is None:
            self._plain(404, b'{"errors":[{"status":404,"message":"Unable to find item"}]}', {})
            return
        self._file(data, headers, fault)

    def _answer_without_file(self, fault: Fault) -> None:
        if fault.kind == "status":
            self._plain(fault.status, b'{"errors":[{"status":%d,"message":"told to"}]}' % fault.status, fault.headers)
        elif fault.kind == "redirect":
            self._plain(302, b"", {"Location": fault.location})
        else:
            if fault.kind == "garbage":
                self.wfile.write(b"\x00\x01 not http at all\r\n\r\n")
            self.close_connection = True

    def _plain(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _file(self, data: bytes, headers: dict[str, str], fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        etag = '"one"'
        if kind == "changed":
            etag, data = '"two"', bytes(byte ^ 0x55 for byte in data)
        first, last = _range_of(headers.get("range"), len(data))
        whole = first is None or kind == "no-ranges" or headers.get("if-range", etag) != etag
        body = bytearray(data if whole else data[first : last + 1])
        begin = 0 if whole else first or 0
        length = len(body)
        if fault is not None and kind == "flip" and begin <= fault.at < begin + length:
            body[fault.at - begin] ^= 0xFF
        if fault is not None and kind == "short":
            body = body[: max(0, fault.at - begin)]
            length = len(body)
        if kind == "long":
            body += b"more"
            length = len(body)
        self.send_response(200 if whole else 206)
        self.send_header("ETag", etag)
        if kind == "encoded":
            self.send_header("Content-Encoding", "gzip")
        if not whole:
            shift = 1 if kind == "wrong-range" else 0
            total = len(data) + (7 if kind == "other-total" else 0)
            self.send_header("Content-Range", f"bytes {begin + shift}-{begin + shift + length - 1}/{total}")
        if kind == "endless":
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self._body(bytes(body), begin, fault)

    def _body(self, body: bytes, begin: int, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        if fault is None or kind not in ("cut", "stall", "drip", "endless"):
            self.wfile.write(body)
            return
        at = max(0, fault.at - begin)
        self.wfile.write(body[:at])
        self.wfile.flush()
        self.close_connection = True
        if kind == "cut":
            # Let what was sent arrive first: a reset may overtake it.
            with contextlib.suppress(OSError):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 2))
                self.connection.shutdown(socket.SHUT_WR)
        elif kind == "stall":
            self.faulty.wait(60)
        elif kind == "drip":
            rest = iter(body[at:])
            while (byte := next(rest, None)) is not None and not self.faulty.wait(0.02):
                self.wfile.write(bytes([byte]))
        else:
            self.wfile.write(body[at:])
            while not self.faulty.wait(0):
                self.wfile.write(bytes(65536))


def _range_of(header: str | None, size: int) -> tuple[int | None, int]:
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", header or "")
    if found is None:
        return None, size - 1
    return int(found.group(1)), min(size - 1, int(found.group(2) or size - 1))


@contextlib.contextmanager
def running(*, tls: ssl.SSLContext | None = None) -> Iterator[FaultyServer]:
    server = FaultyServer(tls=tls)
    try:
        yield server
    finally:
        server.close()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context for 127.0.0.1, and the certificate that a client has to trust."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "loopback.pem", folder / "loopback.key"
    pem.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return context, pem
