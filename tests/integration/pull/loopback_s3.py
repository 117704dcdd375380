"""As much of S3 as the regional cache uses, on loopback, for a real boto3 client."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
from botocore.config import Config

BUCKET = "weights-cache"


class LoopbackS3:
    """`objects` by key. `seen` holds (method, key, headers); `down` makes every request a 503.

    `missing` is what a missing object is answered with: 403 for whoever may not list the bucket.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.down = False
        self._client: Any = None
        self.read_only = False
        self.missing = 404
        self.lock = threading.Lock()
        self.parts: dict[str, dict[int, bytes]] = {}
        world = self

        class Handler(_Handler):
            s3 = world

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def client(self) -> Any:
        """One client: making it takes longer than most tests."""
        self._client = self._client or boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self._server.server_address[1]}",
            region_name="eu-west-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(request_checksum_calculation="when_required", retries={"max_attempts": 1}),
        )
        return self._client

    def gets(self, key: str) -> int:
        return sum(method == "GET" and seen == key for method, seen, _ in self.seen)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    s3: LoopbackS3

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _begin(self) -> tuple[str, dict[str, list[str]]] | None:
        parts = urlsplit(self.path)
        key = unquote(parts.path).removeprefix(f"/{BUCKET}/")
        self.s3.seen.append((self.command, key, {name.lower(): value for name, value in self.headers.items()}))
        if self.s3.down:
            self._body()
            self._answer(503, b"<Error><Code>SlowDown</Code></Error>")
            return None
        return key, parse_qs(parts.query, keep_blank_values=True)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        found = self._begin()
        if found is None:
            return
        data = self.s3.objects.get(found[0])
        if data is None:
            code = b"NoSuchKey" if self.s3.missing == 404 else b"AccessDenied"
            self._answer(self.s3.missing, b"<Error><Code>" + code + b"</Code><Message>no</Message></Error>")
            return
        ranged = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if ranged is None:
            self._answer(200, data, ETag='"x"')
            return
        first, last = int(ranged[1]), min(int(ranged[2]), len(data) - 1)
        told = f"bytes {first}-{last}/{len(data)}"
        self._answer(206, data[first : last + 1], ETag='"x"', Content_Range=told)

    def do_PUT(self) -> None:
        found = self._begin()
        if found is None:
            return
        (key, query), body = found, self._body()
        if self.s3.read_only:
            self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
            return
        with self.s3.lock:
            if "uploadId" in query:
                self.s3.parts[query["uploadId"][0]][int(query["partNumber"][0])] = body
            elif self.headers.get("If-None-Match") == "*" and key in self.s3.objects:
                self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                return
            else:
                self.s3.objects[key] = body
        self._answer(200, ETag='"x"')

    def do_POST(self) -> None:
        found = self._begin()
        if found is None:
            return
        (key, query), _ = found, self._body()
        with self.s3.lock:
            if "uploads" in query:
                upload = f"upload-{len(self.s3.parts)}"
                self.s3.parts[upload] = {}
                text = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            else:
                parts = self.s3.parts[query["uploadId"][0]]
                self.s3.objects[key] = b"".join(parts[number] for number in sorted(parts))
                text = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"
        self._answer(200, text.encode())

    def do_DELETE(self) -> None:
        if self._begin() is not None:
            self._answer(204)


@contextlib.contextmanager
def running_s3() -> Iterator[LoopbackS3]:
    s3 = LoopbackS3()
    try:
        yield s3
    finally:
        s3.close()
