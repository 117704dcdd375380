"""A channel served over HTTP on loopback: releases can be promoted, revoked and spoiled, and the registry stopped."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from trust_world import MODEL, NOW, PROVENANCE, World, make_world

from weighbridge.canonical import JsonObject
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registry import ArtifactoryClient, Retries, StaticToken
from weighbridge.release import BaseModel, Chunks, Component, Lineage, Release, Runtime
from weighbridge.trust import Promotion, bundle, provenance, sign_statement
from weighbridge.verification import make_record

TOKEN = "reader-token"
LAYOUT = ChannelLayout(channel="dev", models_repository="dev-models", records_repository="dev-records")


class FolderRegistry:
    """Serves the files of a folder as Artifactory does, to whoever bears the token. `seen` are the paths asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[str] = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.seen.append(self.path)
                status, data = registry.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/artifactory"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        if authorization != f"Bearer {TOKEN}":
            return 401, _error(401, "Bad credentials")
        file = self.folder / path.removeprefix("/artifactory/")
        return (200, file.read_bytes()) if file.is_file() else (404, _error(404, f"no {path}"))

    def stop(self) -> None:
        """Refuse connections from now on, as a registry that is down."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


def _error(status: int, message: str) -> bytes:
    return json.dumps({"errors": [{"status": status, "message": message}]}).encode()


@dataclass
class RegistryWorld:
    """A channel `dev` with the model `minilm`, in a registry that can be read."""

    world: World
    registry: FolderRegistry
    count: int = field(default=0)
    bundles: dict[Digest, Digest] = field(default_factory=dict)

    def client(self) -> ArtifactoryClient:
        return ArtifactoryClient(
            url=self.registry.url,
            tokens=StaticToken(token=TOKEN),
            retries=Retries(attempts=2, base=0.0, limit=0.0),
            sleep=lambda _: None,
        )

    def release(self, version: str, *, name: str = MODEL, load_bytes: int = 90_868_376) -> Release:
        return Release(
            name=name,
            version=version,
            components=(Component("model.safetensors", load_bytes, Digest.of(version.encode()), "load"),),
            chunks=Chunks(size=100, digest=Digest.of(b"chunks")),
            runtime=Runtime(image=f"registry.example.com/inference@{Digest.of(b'image')}", lock=Digest.of(b"lock")),
            lineage=Lineage(base_model=BaseModel("sentence-transformers/all-MiniLM-L6-v2", "c" * 40)),
        )

    def statements(self, release: Release) -> bytes:
        return bundle([self.envelope(release)])

    def envelope(self, release: Release) -> JsonObject:
        return sign_statement(
            name=release.name,
            version=release.version,
            release=release.digest,
            predicate_type=PROVENANCE,
            predicate=provenance(release=release, builder="https://example.com/registrar"),
            signers=[self.world.registrar],
        )

    def publish(self, release: Release, *, statements: bytes | None = None, record: bool = True) -> Promotion:
        """Write a release's record, and promote it."""
        data = self.statements(release) if statements is None else statements
        self.bundles[release.digest] = Digest.of(data)
        if record:
            self.write_record(release.digest, make_record(release=release.to_bytes(), statements=data))
        return self.promote(release, statements=data)

    def promote(self, release: Release, *, statements: bytes, **changes: object) -> Promotion:
        # A promoter's name makes every promotion another one, so that each gets its own number.
        self.count += 1
        fields: dict[str, object] = {
            "version": release.version,
            "release": release.digest,
            "statements": Digest.of(statements),
            "promoted_by": f"ann-{self.count}",
        }
        return self.world.promote(**{**fields, **changes})

    def write_record(self, release: Digest, data: bytes, *, statements: bytes | None = None) -> None:
        """Write a record where readers look for it: by the given bundle, or by the one that was published last."""
        named = self.bundles[release] if statements is None else Digest.of(statements)
        path = self.world.folder / LAYOUT.record_path(name=MODEL, release=release, statements=named)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def revoke(self, release: Digest, *, reason: str = "poisoned data", now: datetime = NOW) -> None:
        self.world.channel().revoke(releases=[release], reason=reason, signers=self.world.signers.revocations, now=now)


@contextmanager
def channel_world(folder: Path) -> Iterator[RegistryWorld]:
    world = make_world(folder / LAYOUT.records_repository)
    registry = FolderRegistry(folder)
    try:
        yield RegistryWorld(world=world, registry=registry)
    finally:
        registry.stop()
