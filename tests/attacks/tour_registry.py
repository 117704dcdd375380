"""The registry that the attacker writes: files in memory, also served over HTTP, with answers that can be forced."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from tests.unit.registration.memory_registry import MemoryRegistry
from weighbridge.errors import RegistryError, RegistryForbiddenError, RegistryNotFoundError
from weighbridge.registry import FileInfo, Location

TOKEN = "reader-token"


@dataclass
class TourRegistry(MemoryRegistry):
    """`answers` are statuses that a path gives whatever lies there; `copied` is what copying puts in place of a file.

    With `accepts_all`, other bytes at a write-once path replace what lies there: a registry that lost its rule.
    """

    answers: dict[tuple[str, str], int] = field(default_factory=dict)
    copied: dict[tuple[str, str], bytes] = field(default_factory=dict)
    accepts_all: bool = False

    def deploy_bytes(self, *, repository: str, path: str, data: bytes, overwrite: bool = False) -> FileInfo:
        return super().deploy_bytes(
            repository=repository, path=path, data=data, overwrite=overwrite or self.accepts_all
        )

    def copy_file(self, *, source: Location, target: Location) -> FileInfo:
        found = super().copy_file(source=source, target=target)
        swapped = self.copied.get((source.repository, source.path))
        if swapped is None:
            return found
        self.files[target.repository, target.path] = swapped
        return self.info(repository=target.repository, path=target.path)

    def _get(self, repository: str, path: str) -> bytes:
        status = self.answers.get((repository, path))
        if status == 403:
            raise RegistryForbiddenError(f"{repository}/{path}: forbidden", status=403)
        if status == 404:
            raise RegistryNotFoundError(f"{repository}/{path}: nothing", status=404)
        return super()._get(repository, path)


class Face:
    """`registry`, served on loopback to whoever bears TOKEN."""

    def __init__(self) -> None:
        self.registry = TourRegistry()
        face = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                status, data = face.answer(unquote(self.path), self.headers.get("Authorization", ""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/artifactory"

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        if authorization != f"Bearer {TOKEN}":
            return 401, b"{}"
        repository, _, rest = path.removeprefix("/artifactory/").partition("/")
        try:
            return 200, self.registry.read(repository=repository, path=rest, limit=2**30)
        except RegistryError as error:
            status = error.status or 500
            return status, json.dumps({"errors": [{"status": status, "message": str(error)}]}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def served() -> Iterator[Face]:
    face = Face()
    try:
        yield face
    finally:
        face.close()
