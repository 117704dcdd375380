"""What the registry answers, as values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from weighbridge.errors import InputError


@dataclass(frozen=True, slots=True)
class Location:
    """One file: repository key and path inside it."""

    repository: str
    path: str

    def __str__(self) -> str:
        return f"{self.repository}/{self.path}"


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What the registry says of a file. `size` in bytes; `sha256` is 64 hex digits, or None where it gave none."""

    repository: str
    path: str
    size: int
    sha256: str | None


class Download(Protocol):
    """A body that is being read. `size` is the whole file's size in bytes where the registry told it."""

    status: int
    start: int
    size: int | None
    etag: str | None

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives; raises RegistryUnavailableError when it is cut or stalls."""
        ...


_SAFE = "/!$&'()*+,:@-._~="


def quote_path(path: str, *, field: str = "path") -> str:
    """Return `path` quoted for a URL.

    Raises:
        InputError: for an absolute path, an empty or dot segment, or a control character.
    """
    segments = path.split("/")
    if any(segment in ("", ".", "..") for segment in segments) or re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", path):
        raise InputError(f"{field}: {path!r} is not a plain relative path", rule="input.path")
    return quote(path, safe=_SAFE).replace(";", "%3B")


def quote_key(repository: str) -> str:
    """Return a repository's key quoted for a URL.

    Raises:
        InputError: for what is no plain path of one segment.
    """
    if "/" in repository:
        raise InputError(f"repository: {repository!r} is a path, not a repository's key", rule="input.path")
    return quote_path(repository, field="repository")
