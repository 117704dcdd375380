"""An Artifactory in memory: the client's calls, write-once paths, and a death at any write."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.canonical import JsonObject
from weighbridge.errors import RegistryConflictError, RegistryNotFoundError
from weighbridge.registry import FileInfo, Location

INCOMING, MODELS, RECORDS = "incoming", "dev-models", "dev-records"


class KilledError(Exception):
    """The process died."""


@dataclass
class MemoryDownload:
    data: bytes
    size: int | None
    status: int = 200
    start: int = 0
    etag: str | None = None

    def chunks(self) -> Iterator[bytes]:
        for at in range(0, len(self.data), 1000):
            yield self.data[at : at + 1000]


@dataclass
class MemoryRegistry:
    """Files by (repository, path). `arriving` changes what a download gives; `deaths` are writes to die at."""

    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str, str], JsonObject] = field(default_factory=dict)
    props: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    arriving: dict[tuple[str, str], bytes] = field(default_factory=dict)
    die_before: int | None = None
    die_after: int | None = None
    refuse_properties: bool = False
    url: str = "https://registry.example.com/artifactory"
    host: str = "registry.example.com"
    requests_made: int = 0

    def info(self, *, repository: str, path: str) -> FileInfo:
        data = self._get(repository, path)
        return FileInfo(repository=repository, path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())

    def listing(self, *, repository: str, path: str = "") -> tuple[FileInfo, ...]:
        found = tuple(
            self.info(repository=repository, path=there)
            for owner, there in sorted(self.files)
            if owner == repository and (not path or there.startswith(f"{path}/"))
        )
        if not found:
            raise RegistryNotFoundError(f"{repository}/{path}: nothing", status=404)
        return found

    def read(self, *, repository: str, path: str, limit: int) -> bytes:
        return self.arriving.get((repository, path), self._get(repository, path))

    @contextmanager
    def stream(
        self, *, repository: str, path: str, start: int = 0, end: int | None = None, if_range: str | None = None
    ) -> Iterator[MemoryDownload]:
        data = self._get(repository, path)
        yield MemoryDownload(data=self.arriving.get((repository, path), data), size=len(data))

    def deploy_bytes(self, *, repository: str, path: str, data: bytes, overwrite: bool = False) -> FileInfo:
        if (repository, path) in self.files and not overwrite:
            if self.files[repository, path] != data:
                raise RegistryConflictError(f"{repository}/{path} already holds other bytes")
        else:
            self._write(repository, path, data)
        return self.info(repository=repository, path=path)

    def deploy_file(
        self,
        *,
        repository: str,
        path: str,
        source: Path,
        sha256: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> FileInfo:
        return self.deploy_bytes(repository=repository, path=path, data=source.read_bytes())

    def copy_file(self, *, source: Location, target: Location) -> FileInfo:
        data = self._get(source.repository, source.path)
        return self.deploy_bytes(repository=target.repository, path=target.path, data=data)

    def set_properties(self, *, repository: str, path: str, properties: Mapping[str, str | None]) -> None:
        if self.refuse_properties:
            raise RegistryConflictError("annotating is not allowed here")
        kept = {**self.props.get((repository, path), {}), **properties}
        self.props[repository, path] = {key: value for key, value in kept.items() if value is not None}

    def entity_manifest(self, *, repository: str, name: str, version: str) -> JsonObject:
        try:
            return self.manifests[repository, name, version]
        except KeyError:
            raise RegistryNotFoundError(f"{repository}: no model {name} {version}", status=404) from None

    def _get(self, repository: str, path: str) -> bytes:
        try:
            return self.files[repository, path]
        except KeyError:
            raise RegistryNotFoundError(f"{repository}/{path}: nothing", status=404) from None

    def _write(self, repository: str, path: str, data: bytes) -> None:
        if self.die_before == len(self.writes):
            raise KilledError
        self.writes.append(f"{repository}/{path}")
        self.files[repository, path] = data
        if self.die_after == len(self.writes):
            raise KilledError


@dataclass
class MemoryFrogml:
    """Logs as frogml does: the manifest names every file, also those whose upload failed (`lost`)."""

    registry: MemoryRegistry
    lost: tuple[str, ...] = ()
    changed: Mapping[str, bytes] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    code: bytes | None = None
    calls: int = 0

    def log(self, *, folder: Path, repository: str, name: str, version: str, properties: Mapping[str, str]) -> None:
        self.calls += 1
        self.properties = dict(properties)
        artifacts = []
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            relative, data = path.relative_to(folder).as_posix(), path.read_bytes()
            artifacts.append(_artifact(relative, data))
            if relative not in self.lost:
                stored = self.changed.get(relative, data)
                self.registry.files[repository, f"models/{name}/{version}/{relative}"] = stored
        manifest: JsonObject = {"model_artifacts": artifacts}
        if self.code is not None:
            self.registry.files[repository, f"models/{name}/{version}/code/code.zip"] = self.code
            manifest["code_artifacts"] = _artifact("code.zip", self.code)
        self.registry.files[repository, f"models/{name}/{version}/model-manifest.json"] = b'{"a": 1}'
        self.registry.manifests[repository, name, version] = manifest


def _artifact(path: str, data: bytes) -> JsonObject:
    return {"artifact_path": path, "size": len(data), "checksums": {"sha2": hashlib.sha256(data).hexdigest()}}
