"""Read files back from the registry and hash what really arrives: the registry's own checksums are claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

from weighbridge.errors import IntegrityError, RegistryUnavailableError
from weighbridge.registration.logged import LoggedFile
from weighbridge.registry import ArtifactoryClient, Location
from weighbridge.release import FileDigests, FileHasher

WORKERS = 4
ATTEMPTS = 5

Progress = Callable[[int], None]


def read_back(
    *,
    client: ArtifactoryClient,
    repository: str,
    folder: str,
    files: Sequence[LoggedFile],
    progress: Progress | None = None,
) -> dict[str, FileDigests]:
    """Stream every file of `folder` and return what its bytes hash to, by path. Nothing is kept on disk.

    Args:
        progress: called with the number of bytes that arrived since the last call, never from two threads at once.

    Raises:
        IntegrityError: when a file's bytes are not those that the registry claims.
        RegistryError: when one cannot be read.
    """
    stop, lock = Event(), Lock()

    def count(size: int) -> None:
        if progress is not None:
            with lock:
                progress(size)

    def read(file: LoggedFile) -> FileDigests | None:
        where = Location(repository, f"{folder}/{file.path}")
        try:
            return None if stop.is_set() else _read_one(client, where, file, count)
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="read-back") as pool:
        futures = {file.path: pool.submit(read, file) for file in files}
    # The first failure makes later files give None; it is met here before any of those is used.
    for future in futures.values():
        problem = future.exception()
        if problem is not None:
            raise problem
    found = {path: future.result() for path, future in futures.items()}
    return {path: digests for path, digests in found.items() if digests is not None}


def _read_one(client: ArtifactoryClient, where: Location, file: LoggedFile, progress: Progress) -> FileDigests:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            found = _hash(client, where, progress)
            break
        except RegistryUnavailableError:
            if attempt == ATTEMPTS:
                raise
    if (found.size, found.digest.hex) != (file.size, file.sha256):
        raise IntegrityError(
            f"{where}: {found.size} bytes were read back that hash to {found.digest.hex}, but {file.size} bytes with "
            f"{file.sha256} were logged: upload again"
        )
    return found


def _hash(client: ArtifactoryClient, where: Location, progress: Progress) -> FileDigests:
    hasher = FileHasher()
    with client.stream(repository=where.repository, path=where.path) as download:
        for chunk in download.chunks():
            hasher.update(chunk)
            progress(len(chunk))
        if download.size is not None and hasher.size != download.size:
            raise RegistryUnavailableError(f"{where}: the body ended at {hasher.size} of {download.size} bytes")
    return hasher.finish()
