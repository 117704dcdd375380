"""A hub in this process that counts what it is asked for and can misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.hub.tree import commit_of, tree_file

MODEL = "org/model"
FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 10_000}
TREE = tuple(tree_file(path=path, data=data) for path, data in FILES.items())
COMMIT = commit_of(TREE)


@dataclass(slots=True)
class Upstream:
    """`asked` holds paths, `tokens` every Authorization header, `files` what is sent, `listing` the tree as it is told."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    listing: list[object] = field(default_factory=lambda: [file.to_json() for file in TREE])


@contextmanager
def upstream_hub() -> Iterator[Upstream]:
    """Serve until the block ends."""
    state = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if token := self.headers.get("Authorization"):
                state.tokens.append(token)
            path, _, query = self.path.partition("?")
            half = len(state.listing) // 2
            if path.endswith(("/revision/main", f"/revision/{COMMIT}")):
                self.answer(json.dumps({"sha": COMMIT}).encode())
            elif path.endswith(f"/tree/{COMMIT}") and "page=2" not in query:
                following = f'<{state.url}{path}?page=2>; rel="next"'
                self.answer(json.dumps(state.listing[:half]).encode(), Link=following)
            elif path.endswith(f"/tree/{COMMIT}"):
                self.answer(json.dumps(state.listing[half:]).encode())
            else:
                self.answer(state.files[path.rpartition(f"/resolve/{COMMIT}/")[2]])

        def answer(self, data: bytes, **headers: str) -> None:
            self.send_response(200)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
