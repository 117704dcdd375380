"""A revision of a hub repository: its files with their git and LFS names, and a commit that follows from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LFS_SIZE = 1024 * 1024
LFS_SUFFIXES = (".safetensors", ".bin", ".gguf", ".h5", ".onnx", ".pt", ".pth")


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file: size in bytes; `oid` is git's blob id (40 hex); `sha256` is set for files in LFS alone."""

    path: str
    size: int
    oid: str
    sha256: str | None

    @property
    def etag(self) -> str:
        """The ETag that the hub answers: the SHA-256 of an LFS file, git's id of another."""
        return self.sha256 or self.oid

    def to_json(self) -> dict[str, object]:
        """The entry of GET /api/models/.../tree."""
        entry: dict[str, object] = {"type": "file", "oid": self.oid, "size": self.size, "path": self.path}
        if self.sha256 is not None:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": len(_pointer(self.sha256, self.size))}
        return entry


def in_lfs(path: str, size: int) -> bool:
    """Whether the hub stores such a file in LFS: all that is large, and weights of any size but zero."""
    return size > LFS_SIZE or (size > 0 and path.endswith(LFS_SUFFIXES))


def blob_oid(data: bytes) -> str:
    """Git's id of a blob."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def tree_file(*, path: str, data: bytes) -> TreeFile:
    """Describe a file that is at hand whole."""
    if in_lfs(path, len(data)):
        return lfs_file(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    return TreeFile(path=path, size=len(data), oid=blob_oid(data), sha256=None)


def lfs_file(*, path: str, size: int, sha256: str) -> TreeFile:
    """Describe a file in LFS; its git id is the pointer's."""
    return TreeFile(path=path, size=size, oid=blob_oid(_pointer(sha256, size)), sha256=sha256)


def read_tree(folder: Path) -> tuple[TreeFile, ...]:
    """Describe every file below `folder`, sorted by path."""
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        path, size = file.relative_to(folder).as_posix(), file.stat().st_size
        if in_lfs(path, size):
            with file.open("rb") as stream:
                found.append(lfs_file(path=path, size=size, sha256=hashlib.file_digest(stream, "sha256").hexdigest()))
        else:
            found.append(tree_file(path=path, data=file.read_bytes()))
    return tuple(found)


def commit_of(files: Iterable[TreeFile], *, parent: str = "") -> str:
    """Forty hex digits that follow from the files and the commit before: equal content, equal commit."""
    lines = [f"parent {parent}", *sorted(f"{file.oid} {file.path}" for file in files)]
    return hashlib.sha1("\n".join(lines).encode(), usedforsecurity=False).hexdigest()


def _pointer(sha256: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
