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
    roles = dict(roles or {})
    unknown = sorted(set(roles) - set(files))
    if unknown:
        raise InputError(f"roles: {unknown[0]!r} is not among the release's files", rule="input.release")
    components = []
    chunks: dict[str, tuple[Digest, ...]] = {}
    for path in sorted(files):
        found = hash_file(files[path], progress=progress)
        components.append(Component(path=path, size=found.size, digest=found.digest, role=roles.get(path, "load")))
        chunks[path] = found.chunks
    digests = ChunkDigests(files=chunks)
    sidecars = {CHUNKS_PATH: digests.to_bytes()}
    if bom is not None:
        sidecars[BOM_PATH] = bom
    release = Release(
        name=name,
        version=version,
        components=tuple(components),
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
    whole, chunk = hashlib.sha256(), hashlib.sha256()
    size, in_chunk = 0, 0
    chunks: list[Digest] = []
    try:
        with path.open("rb") as file:
            promised = os.fstat(file.fileno()).st_size
            while size <= promised and (data := file.read(min(_READ_SIZE, CHUNK_SIZE - in_chunk))):
                whole.update(data)
                chunk.update(data)
                size, in_chunk = size + len(data), in_chunk + len(data)
                if in_chunk == CHUNK_SIZE:
                    chunks.append(Digest(chunk.hexdigest()))
                    chunk, in_chunk = hashlib.sha256(), 0
                if progress is not None:
                    progress(len(data))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}", rule="input.path") from error
    if in_chunk:
        chunks.append(Digest(chunk.hexdigest()))
    if size != promised:
        raise IntegrityError(f"{path}: changed while it was read: {promised} bytes at first, {size} read")
    return FileDigests(size=size, digest=Digest(whole.hexdigest()), chunks=tuple(chunks))
