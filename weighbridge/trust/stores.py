"""Where a channel's TUF metadata is read from and written to. Paths are relative to the channel's `tuf/` folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Protocol

from weighbridge.errors import ConflictError, RegistryConflictError, RegistryNotFoundError, RegistryUnavailableError
from weighbridge.layout import METADATA_FOLDER


class MetadataSource(Protocol):
    """Where metadata is read from."""

    def fetch(self, path: str, limit: int) -> bytes:
        """Return the file at `path`, of at most `limit` bytes.

        Raises:
            RegistryNotFoundError: when there is none.
            RegistryError: any other reason; it reaches the caller as it is.
        """
        ...


class MetadataStore(MetadataSource, Protocol):
    """Where a channel's owner writes metadata."""

    def write_once(self, path: str, data: bytes) -> None:
        """Write a file that never changes; the same bytes again are success.

        Raises:
            ConflictError: when other bytes lie there.
        """
        ...

    def overwrite(self, path: str, data: bytes) -> None:
        """Write a file that may change (`timestamp.json` alone)."""
        ...


class RegistryReader(Protocol):
    """What is needed of `weighbridge.registry.ArtifactoryClient` to read."""

    def read(self, *, repository: str, path: str, limit: int) -> bytes:
        """Return a whole small file."""
        ...


class RegistryWriter(RegistryReader, Protocol):
    """What is needed of `weighbridge.registry.ArtifactoryClient` to write."""

    def deploy_bytes(self, *, repository: str, path: str, data: bytes, overwrite: bool = False) -> object:
        """Write a file; without `overwrite`, refuse a path that holds other bytes."""
        ...


class RegistrySource:
    """Reads a channel from its records repository."""

    def __init__(self, *, client: RegistryReader, repository: str) -> None:
        self._client = client
        self._repository = repository

    def fetch(self, path: str, limit: int) -> bytes:
        """Return the file at `tuf/PATH`: one request."""
        return self._client.read(repository=self._repository, path=f"{METADATA_FOLDER}/{path}", limit=limit)


class RegistryStore(RegistrySource):
    """Reads and writes a channel in its records repository."""

    def __init__(self, *, client: RegistryWriter, repository: str) -> None:
        super().__init__(client=client, repository=repository)
        self._writer = client

    def write_once(self, path: str, data: bytes) -> None:
        """Deploy to `tuf/PATH`; see `MetadataStore.write_once`."""
        try:
            self._deploy(path, data, overwrite=False)
        except RegistryConflictError as error:
            raise ConflictError(f"{path}: other bytes lie there already: read the channel again and retry") from error

    def overwrite(self, path: str, data: bytes) -> None:
        """Deploy to `tuf/PATH`, whatever lies there."""
        self._deploy(path, data, overwrite=True)

    def _deploy(self, path: str, data: bytes, *, overwrite: bool) -> None:
        self._writer.deploy_bytes(
            repository=self._repository, path=f"{METADATA_FOLDER}/{path}", data=data, overwrite=overwrite
        )


class FolderStore:
    """A channel in a folder: for tests, and for a channel that is prepared offline."""

    def __init__(self, *, folder: Path) -> None:
        self._folder = folder

    def fetch(self, path: str, limit: int) -> bytes:
        """Return the file at `path`."""
        try:
            data = (self._folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise RegistryNotFoundError(f"{path}: not in {self._folder}", status=404) from error
        except OSError as error:
            raise RegistryUnavailableError(f"{path}: cannot be read in {self._folder}: {error}") from error
        if len(data) > limit:
            raise RegistryUnavailableError(f"{path}: {len(data)} bytes are more than the limit of {limit}")
        return data

    def write_once(self, path: str, data: bytes) -> None:
        """Create the file; see `MetadataStore.write_once`."""
        target = self._folder / path
        temporary = self._temporary(target, data)
        try:
            os.link(temporary, target)
        except FileExistsError as error:
            if target.read_bytes() != data:
                raise ConflictError(f"{path}: other bytes lie there already: read the channel again") from error
        finally:
            temporary.unlink()

    def overwrite(self, path: str, data: bytes) -> None:
        """Replace the file in one step."""
        target = self._folder / path
        self._temporary(target, data).replace(target)

    def _temporary(self, target: Path, data: bytes) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as file:
            file.write(data)
        return Path(file.name)
