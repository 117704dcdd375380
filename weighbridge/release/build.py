"""Make a release from files on disk, with one read of each file."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from weighbridge.errors import InputError, IntegrityError
from weighbridge.names import Digest
from weighbridge.release.chunks import ChunkDigests
from weighbridge.release.manifest import (
    BOM_PATH,
    CHUNK_SIZE,
    CHUNKS_PATH,
    Bom,
    Component,
    ComponentRole,
    Lineage,
    Release,
    Runtime,
)

_READ_SIZE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BuiltRelease:
    """A release and the sidecars it names: file name (beside release.json) to bytes."""

    release: Release
    sidecars: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class FileDigests:
    """What one read of a file gave. `size` is in bytes."""

    size: int
    digest: Digest
    chunks: tuple[Digest, ...]


class FileHasher:
    """Hashes one file as its bytes arrive: the whole, and each 16 MiB of it."""

    def __init__(self) -> None:
        self.size = 0
        self._whole = hashlib.sha256()
        self._chunk = hashlib.sha256()
        self._in_chunk = 0
        self._chunks: list[Digest] = []

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._whole.update(data)
        self.size += len(data)
        view = memoryview(data)
        while view:
            part = view[: CHUNK_SIZE - self._in_chunk]
            self._chunk.update(part)
            self._in_chunk += len(part)
            view = view[len(part) :]
            if self._in_chunk == CHUNK_SIZE:
                self._end_chunk()

    def finish(self) -> FileDigests:
        """Return what was hashed. Nothing may follow."""
        if self._in_chunk:
            self._end_chunk()
        return FileDigests(size=self.size, digest=Digest(self._whole.hexdigest()), chunks=tuple(self._chunks))

    def _end_chunk(self) -> None:
        self._chunks.append(Digest(self._chunk.hexdigest()))
        self._chunk, self._in_chunk = hashlib.sha256(), 0


def build_release(
    *,
    name: str,
    version: str,
    files: Mapping[str, Path],
    runtime: Runtime,
    lineage: Lineage,
    roles: Mapping[str, ComponentRole] | None = None,
    bom: bytes | None = None,
    progress: Callable[[int], None] | None = None,
) -> BuiltRelease:
    """Hash `files` (release path to file on disk; see `files_in`) and return the release.

    Args:
        roles: role by release path; `load` for what is not named.
        bom: bytes of the bill of materials.
        progress: called with each number of bytes read.

    Raises:
        InputError: for a bad name, path, role or field, a role for a path that is not there, or a missing file.
        IntegrityError: when a file changes while it is read.
    """
    found = {path: hash_file(files[path], progress=progress) for path in sorted(files)}
    return release_of(name=name, version=version, files=found, runtime=runtime, lineage=lineage, roles=roles, bom=bom)


def release_of(
    *,
    name: str,
    version: str,
    files: Mapping[str, FileDigests],
    runtime: Runtime,
    lineage: Lineage,
    roles: Mapping[str, ComponentRole] | None = None,
    bom: bytes | None = None,
) -> BuiltRelease:
    """Return the release of files that were hashed already, by release path; see `build_release`."""
    roles = dict(roles or {})
    unknown = sorted(set(roles) - set(files))
    if unknown:
        raise InputError(f"roles: {unknown[0]!r} is not among the release's files", rule="input.release")
    digests = ChunkDigests(files={path: files[path].chunks for path in sorted(files)})
    sidecars = {CHUNKS_PATH: digests.to_bytes()}
    if bom is not None:
        sidecars[BOM_PATH] = bom
    release = Release(
        name=name,
        version=version,
        components=tuple(
            Component(path=path, size=files[path].size, digest=files[path].digest, role=roles.get(path, "load"))
            for path in sorted(files)
        ),
        chunks=digests.reference(),
        runtime=runtime,
        lineage=lineage,
        bom=None if bom is None else Bom(size=len(bom), digest=Digest.of(bom)),
    )
    return BuiltRelease(release=release, sidecars=sidecars)


def files_in(folder: Path) -> dict[str, Path]:
    """Return every file below `folder`, by its release path.

    Raises:
        InputError: when there is no file, or something is neither a folder nor a plain file (links are refused: what
            they point to may change or lie elsewhere).
    """
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder):
        for entry in [*folders, *names]:
            path = Path(parent, entry)
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                found[path.relative_to(folder).as_posix()] = path
            elif not stat.S_ISDIR(mode):
                raise InputError(f"{path}: neither a folder nor a plain file", rule="input.path")
    if not found:
        raise InputError(f"{folder}: holds no file", rule="input.path")
    return found


def hash_file(path: Path, *, progress: Callable[[int], None] | None = None) -> FileDigests:
    """Read `path` once and return its size, SHA-256 and the SHA-256 of each 16 MiB.

    Raises:
        InputError: when it cannot be read.
        IntegrityError: when its size changes while it is read.
    """
    hasher = FileHasher()
    try:
        with path.open("rb") as file:
            promised = os.fstat(file.fileno()).st_size
            while hasher.size <= promised and (data := file.read(_READ_SIZE)):
                hasher.update(data)
                if progress is not None:
                    progress(len(data))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}", rule="input.path") from error
    if hasher.size != promised:
        raise IntegrityError(f"{path}: changed while it was read: {promised} bytes at first, {hasher.size} read")
    return hasher.finish()
