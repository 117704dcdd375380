"""Trusted metadata in a folder: for one machine, and for the local twin."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge.resolution import kept_metadata as kept


class FolderMetadata:
    """Records below `folder`, which is made when it is missing. Safe for several threads and processes."""

    def __init__(self, *, folder: Path) -> None:
        self._folder = folder

    def load(self, *, channel: str, root: Digest) -> dict[str, bytes]:
        """See `TrustedMetadataStore.load`."""
        return kept.to_files(_read(self._path(channel, root)))

    def save(self, *, channel: str, root: Digest, files: Mapping[str, bytes]) -> None:
        """See `TrustedMetadataStore.save`; a lock stands for the compare-and-swap."""
        path, seen = self._path(channel, root), kept.kept_of(files)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(path.with_suffix(".lock")):
                stored = _read(path)
                merged = kept.merge(stored, seen)
                if merged != stored:
                    _replace(path, kept.to_bytes(merged))
        except OSError as error:
            raise InputError(f"kept metadata {path}: cannot be written: {error}") from error

    def _path(self, channel: str, root: Digest) -> Path:
        return self._folder / kept.record_path(channel=channel, root=root)


def _read(path: Path) -> kept.Kept:
    try:
        return kept.parse(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"kept metadata {path}: cannot be read: {error}") from error


def _replace(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
