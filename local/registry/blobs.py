"""Blobs on disk, named by their SHA-256. What is stored is never hashed again on the way out, as in Artifactory."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Checksums:
    """Lower-case hex digests and the size in bytes of one blob."""

    sha256: str
    sha1: str
    md5: str
    size: int


class BlobWriter:
    """Takes bytes in pieces; `commit` stores them, `discard` drops them."""

    def __init__(self, *, store: BlobStore, part: Path) -> None:
        self._store = store
        self._part = part
        self._stream = part.open("xb")
        self._sha256 = hashlib.sha256()
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._size = 0

    def write(self, data: bytes) -> None:
        """Add `data`."""
        self._stream.write(data)
        self._sha256.update(data)
        self._sha1.update(data)
        self._md5.update(data)
        self._size += len(data)

    def checksums(self) -> Checksums:
        """The digests of what was written so far."""
        return Checksums(
            sha256=self._sha256.hexdigest(), sha1=self._sha1.hexdigest(), md5=self._md5.hexdigest(), size=self._size
        )

    def commit(self) -> Checksums:
        """Store the blob. Equal content is stored once; a blob that is there already is left as it lies."""
        self._stream.close()
        checksums = self.checksums()
        target = self._store.path(checksums.sha256)
        if target.exists():
            self._part.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._part.replace(target)
        return checksums

    def discard(self) -> None:
        """Drop what was written."""
        self._stream.close()
        self._part.unlink(missing_ok=True)


class BlobStore:
    """The folder of blobs: `blobs/AB/ABCD...`."""

    def __init__(self, *, folder: Path) -> None:
        self._blobs = folder / "blobs"
        self._parts = folder / "parts"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._parts.mkdir(parents=True, exist_ok=True)

    def clear_parts(self) -> None:
        """Remove what a crash left half-written; for the one server that owns the folder, when it starts."""
        for part in self._parts.iterdir():
            part.unlink()

    def path(self, sha256: str) -> Path:
        """Where the blob with this digest lies, or would."""
        return self._blobs / sha256[:2] / sha256

    def writer(self) -> BlobWriter:
        """A writer for one new blob."""
        return BlobWriter(store=self, part=self._parts / f"{os.getpid()}-{secrets.token_hex(8)}")

    def put(self, data: bytes) -> Checksums:
        """Store `data`."""
        writer = self.writer()
        writer.write(data)
        return writer.commit()

    def read(self, sha256: str) -> bytes:
        """The whole blob; FileNotFoundError if it is not stored."""
        return self.path(sha256).read_bytes()
