"""The chunk sidecar: SHA-256 of every 16 MiB of every file, so that a puller can check and resume out of order.

Format `weighbridge.chunks/v1`, canonical JSON:
`{"schema": "...", "chunk_size": 16777216, "files": {"<path>": ["<hex>", ...]}}`. Chunks tile a file exactly: each is
`chunk_size` bytes but the last, which holds the rest; an empty file has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weighbridge import canonical
from weighbridge.canonical import JsonObject
from weighbridge.errors import InputError, IntegrityError, TrustError
from weighbridge.names import Digest
from weighbridge.release.manifest import CHUNK_SIZE, Chunks, Release

SCHEMA = "weighbridge.chunks/v1"
CHUNKS_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChunkDigests:
    """Digests of each file's chunks, in order. `chunk_size` is in bytes."""

    files: Mapping[str, tuple[Digest, ...]]
    chunk_size: int = CHUNK_SIZE

    def to_bytes(self) -> bytes:
        """Return the sidecar's RFC 8785 bytes."""
        return canonical.dump(
            {
                "schema": SCHEMA,
                "chunk_size": self.chunk_size,
                "files": {path: [digest.hex for digest in digests] for path, digests in self.files.items()},
            }
        )

    def reference(self) -> Chunks:
        """Return what a release says about this sidecar."""
        data = self.to_bytes()
        return Chunks(size=len(data), digest=Digest.of(data), chunk_size=self.chunk_size)


def chunk_count(size: int, *, chunk_size: int = CHUNK_SIZE) -> int:
    """Return how many chunks tile `size` bytes exactly."""
    return -(-size // chunk_size)


def parse_chunks(data: bytes, *, release: Release) -> ChunkDigests:
    """Return the sidecar whose bytes are `data`, if it is the one that `release` names and tiles every file exactly.

    Raises:
        IntegrityError: when size or digest differ from the release.
        TrustError: rule `refused.json` or `refused.chunks`, when it is malformed or does not tile the files.
    """
    expected = release.chunks
    if len(data) != expected.size or Digest.of(data) != expected.digest:
        raise IntegrityError(f"{expected.path}: the bytes are not the {expected.size} bytes with {expected.digest}")
    document = canonical.parse_object(data, what=expected.path, limit=CHUNKS_LIMIT)
    try:
        found = _from_json(document, chunk_size=expected.chunk_size)
    except InputError as error:
        raise TrustError(f"{expected.path}: {error}", rule="refused.chunks") from error
    sizes = {component.path: component.size for component in release.components}
    if set(found.files) != set(sizes):
        raise TrustError(f"{expected.path}: names other files than the release", rule="refused.chunks")
    for path, digests in found.files.items():
        wanted = chunk_count(sizes[path], chunk_size=found.chunk_size)
        if len(digests) != wanted:
            raise TrustError(
                f"{expected.path}: {path!r} has {len(digests)} chunks, its {sizes[path]} bytes need {wanted}",
                rule="refused.chunks",
            )
    return found


def _from_json(document: JsonObject, *, chunk_size: int) -> ChunkDigests:
    if set(document) != {"schema", "chunk_size", "files"} or document["schema"] != SCHEMA:
        raise InputError(f"not a {SCHEMA} document")
    files = document["files"]
    if document["chunk_size"] != chunk_size or not isinstance(files, dict):
        raise InputError(f"chunk_size must be {chunk_size} and files an object")
    return ChunkDigests(files={path: _digests(path, value) for path, value in files.items()}, chunk_size=chunk_size)


def _digests(path: str, value: object) -> tuple[Digest, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"{path!r}: chunk digests must be a list of hex digits")
    return tuple(Digest(item) for item in value)
