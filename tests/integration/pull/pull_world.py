"""A release behind the faulty server, a client that waits for nobody, and one call that pulls."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faulty_server import FaultyServer

from weighbridge.names import Digest
from weighbridge.pull import PullReport, pull
from weighbridge.registry import ArtifactoryClient, Retries, StaticToken, Timeouts
from weighbridge.release import BuiltRelease, ChunkDigests, ComponentRole, Lineage, Runtime, build_release

MODELS = "dev-models"
RECORDS = "dev-records"
MIB = 1024 * 1024
TOKEN = "first-token"


def noise(size: int, *, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


class RenewedToken:
    """Hands out `values` one after the other, moving on at each refresh."""

    def __init__(self, *values: str) -> None:
        self._values = list(values)
        self._lock = threading.Lock()
        self.refreshes = 0

    def token(self) -> str:
        return self._values[0]

    def refresh(self) -> str:
        with self._lock:
            self.refreshes += 1
            if len(self._values) > 1:
                self._values.pop(0)
            return self._values[0]


@dataclass
class PullWorld:
    """`pauses` are the seconds that the client wanted to wait."""

    folder: Path
    server: FaultyServer
    built: BuiltRelease
    files: Mapping[str, bytes]
    ca: Path | None = None
    pauses: list[float] = field(default_factory=list)
    read_timeout: float = 2.0

    @property
    def destination(self) -> Path:
        return self.folder / "model"

    def client(self, *, tokens: Any = None, read_timeout: float | None = None, attempts: int = 4) -> ArtifactoryClient:
        return ArtifactoryClient(
            url=f"{self.server.origin}/artifactory",
            tokens=tokens or StaticToken(token=TOKEN),
            timeouts=Timeouts(connect=5, read=read_timeout or self.read_timeout),
            retries=Retries(attempts=attempts, base=0.001, limit=3600),
            verify=self.ca if self.ca is not None else True,
            sleep=self.pauses.append,
        )

    def pull(
        self,
        *,
        client: ArtifactoryClient | None = None,
        progress: Callable[[int], None] | None = None,
        workers: int | None = None,
        **more: Any,
    ) -> PullReport:
        return pull(
            client=client or self.client(),
            release=self.built.release,
            repository=MODELS,
            destination=self.destination,
            progress=progress,
            workers=workers,
            **more,
        )

    def visible(self) -> dict[str, bytes]:
        """What lies at paths that a model server would read."""
        found = self.destination.rglob("*") if self.destination.exists() else []
        return {
            path.relative_to(self.destination).as_posix(): path.read_bytes()
            for path in found
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(self.destination).parts)
        }

    def everything(self) -> list[str]:
        """Every path below the destination, hidden ones included."""
        return sorted(path.relative_to(self.destination).as_posix() for path in self.destination.rglob("*"))


def rechunked(built: BuiltRelease, files: Mapping[str, bytes], *, chunk_size: int) -> BuiltRelease:
    """Cut shorter chunks than the 16 MiB that the format allows, so that small files have many."""
    cut = {
        path: tuple(Digest.of(data[at : at + chunk_size]) for at in range(0, len(data), chunk_size))
        for path, data in files.items()
    }
    chunks = ChunkDigests(files=cut, chunk_size=chunk_size)
    release = copy(built.release)
    object.__setattr__(release, "chunks", chunks.reference())
    return BuiltRelease(release=release, sidecars={**built.sidecars, release.chunks.path: chunks.to_bytes()})


def make_world(
    folder: Path,
    server: FaultyServer,
    files: Mapping[str, bytes],
    *,
    ca: Path | None = None,
    roles: Mapping[str, ComponentRole] | None = None,
    prefix: str = "/artifactory",
    chunk_size: int | None = None,
) -> PullWorld:
    """Build the release of `files` and put its files and sidecar where the server finds them.

    Chunks are as long as the library makes them, unless `chunk_size` asks for shorter ones.
    """
    source = folder / "source"
    for path, data in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
    built = build_release(
        name="minilm",
        version="1.0.0",
        files={path: source / path for path in files},
        roles=roles,
        runtime=Runtime(image="registry.example.com/docker/inference@sha256:" + "a" * 64, lock=Digest("b" * 64)),
        lineage=Lineage(),
    )
    if chunk_size is not None:
        built = rechunked(built, files, chunk_size=chunk_size)
    for path, data in files.items():
        server.files[f"{prefix}/{MODELS}/models/minilm/1.0.0/{path}"] = data
    records = f"{prefix}/{RECORDS}/minilm/releases/{built.release.digest.hex}"
    for name, data in built.sidecars.items():
        server.files[f"{records}/{name}"] = data
    server.tokens = {TOKEN}
    loaded = {item.path for item in built.release.load_components}
    return PullWorld(
        folder=folder, server=server, built=built, files={p: d for p, d in files.items() if p in loaded}, ca=ca
    )
