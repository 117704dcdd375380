"""Pull one file: stream, hash, resume after a cut, start anew after a flip, rename when verified."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from weighbridge.errors import IntegrityError, RegistryUnavailableError
from weighbridge.registry import ArtifactoryClient, Download, Location
from weighbridge.release import Component

RESUMES = 8
CLEAN_STARTS = 2


class PullStoppedError(Exception):
    """Another file of the same pull failed."""


class FilePull:
    """One file's way. `faults` counts what it recovered from, `bytes_kept` what already lay there verified."""

    def __init__(
        self,
        *,
        client: ArtifactoryClient,
        source: Location,
        component: Component,
        target: Path,
        stop: threading.Event,
        progress: Callable[[int], None],
    ) -> None:
        self.faults = 0
        self.bytes_kept = 0
        self._client = client
        self._source = source
        self._component = component
        self._target = target
        self._stop = stop
        self._progress = progress

    def run(self) -> None:
        """Bring the file to its path, verified.

        Raises:
            IntegrityError, RegistryError: nothing lies at the path.
        """
        if self._already_there():
            return
        self._target.parent.mkdir(parents=True, exist_ok=True)
        draft = self._target.with_name(f".{self._target.name}.draft")
        try:
            for start in range(1, CLEAN_STARTS + 1):
                try:
                    self._fetch(draft)
                    break
                except IntegrityError:
                    self.faults += 1
                    if start == CLEAN_STARTS:
                        raise
            draft.chmod(0o400)
            draft.rename(self._target)
        except PullStoppedError:
            return
        finally:
            draft.unlink(missing_ok=True)

    def _already_there(self) -> bool:
        if not self._target.exists():
            return False
        with self._target.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self._component.digest.hex:
            raise IntegrityError(
                f"{self._target}: holds other bytes ({found}) than the release says: remove it and pull again"
            )
        self.bytes_kept = self._component.size
        self._progress(self._component.size)
        return True

    def _fetch(self, draft: Path) -> None:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if self._component.size:
                os.posix_fallocate(file.fileno(), 0, self._component.size)
            writer = _Writer(self._component, file.fileno())
            self._fill(writer)
            writer.finish(str(self._source))
            os.fsync(file.fileno())

    def _fill(self, writer: _Writer) -> None:
        etag: str | None = None
        for attempt in range(RESUMES + 1):
            try:
                with self._client.stream(
                    repository=self._source.repository, path=self._source.path, start=writer.offset, if_range=etag
                ) as download:
                    if download.start != writer.offset:
                        writer.restart()
                    etag = download.etag
                    self._check_size(download)
                    self._read(download, writer)
                if writer.offset == self._component.size:
                    return
                raise RegistryUnavailableError(f"{self._source}: the body ended at byte {writer.offset}")
            except RegistryUnavailableError as error:
                self.faults += 1
                if attempt == RESUMES:
                    raise RegistryUnavailableError(
                        f"{self._source}: got {writer.offset} of {self._component.size} bytes in {RESUMES + 1} attempts: {error}"
                    ) from error

    def _check_size(self, download: Download) -> None:
        if download.size is not None and download.size != self._component.size:
            raise IntegrityError(
                f"{self._source}: the registry holds {download.size} bytes, the release says {self._component.size}"
            )

    def _read(self, download: Download, writer: _Writer) -> None:
        for chunk in download.chunks():
            if self._stop.is_set():
                raise PullStoppedError
            writer.write(chunk, str(self._source))
            self._progress(len(chunk))


class _Writer:
    """Hashes and writes in order; never writes past the component's size."""

    def __init__(self, component: Component, descriptor: int) -> None:
        self._component = component
        self._descriptor = descriptor
        self.restart()

    def restart(self) -> None:
        self.offset = 0
        self._hash = hashlib.sha256()

    def write(self, chunk: bytes, what: str) -> None:
        if self.offset + len(chunk) > self._component.size:
            raise IntegrityError(f"{what}: more than the {self._component.size} bytes that the release says")
        self._hash.update(chunk)
        view = memoryview(chunk)
        while view:
            written = os.pwrite(self._descriptor, view, self.offset)
            self.offset += written
            view = view[written:]

    def finish(self, what: str) -> None:
        found = self._hash.hexdigest()
        if found != self._component.digest.hex:
            raise IntegrityError(f"{what}: the bytes hash to {found}, the release says {self._component.digest.hex}")
