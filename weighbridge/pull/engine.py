"""Pull all files of role `load`, several at a time, into a folder that holds verified files only."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from weighbridge.layout import weights_folder
from weighbridge.names import Digest
from weighbridge.pull.crew import Crew
from weighbridge.pull.fetch import Source
from weighbridge.pull.folder import DRAFTS, Layout, opened
from weighbridge.pull.held import drafts_of, finish_complete, from_local, resume, sort_out
from weighbridge.pull.local_cache import LocalCache
from weighbridge.pull.regional import RegionalCache
from weighbridge.pull.routes import Routes
from weighbridge.pull.sidecar import chunk_digests
from weighbridge.pull.space import check_space
from weighbridge.pull.task import FileTask, pieces_of
from weighbridge.registry import ArtifactoryClient
from weighbridge.registry.models import quote_path
from weighbridge.release import Release

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class PullReport:
    """What was pulled: files, bytes, bytes that already lay there verified, faults recovered from, seconds.

    `bytes_resumed` were left by a pull that was killed and `bytes_local` lay in the local cache, verified both;
    `bytes_regional` came from the regional cache, the rest from the registry. `requests` counts HTTP requests, redirects
    and repetitions included; `workers` how many were in flight at most.
    """

    files: int
    bytes: int
    bytes_kept: int
    faults: int
    seconds: float
    bytes_resumed: int = 0
    bytes_local: int = 0
    bytes_regional: int = 0
    requests: int = 0
    workers: int = 0

    @property
    def bytes_registry(self) -> int:
        """Bytes that came from the registry."""
        return self.bytes - self.bytes_kept - self.bytes_resumed - self.bytes_local - self.bytes_regional

    @property
    def source(self) -> str:
        """Where most bytes came from: `registry`, `regional-cache`, `local-cache` or `disk`."""
        found = {
            "registry": self.bytes_registry,
            "regional-cache": self.bytes_regional,
            "local-cache": self.bytes_local,
            "disk": self.bytes_kept + self.bytes_resumed,
        }
        return max(found, key=lambda name: found[name])


def pull(
    *,
    client: ArtifactoryClient,
    release: Release,
    repository: str,
    destination: Path,
    progress: Progress | None = None,
    workers: int | None = None,
    records_repository: str | None = None,
    keep_partial: bool = False,
    local_cache: LocalCache | None = None,
    regional_cache: RegionalCache | None = None,
) -> PullReport:
    """Pull a release's files of role `load` into `destination`.

    A file gets its name only after every byte of it was compared with the release: by its SHA-256, or for a file of more
    than 16 MiB by the SHA-256 of each of its chunks when `records_repository` is given. Files that already lie at their
    path are hashed again and kept when they are the release's; others are refused.

    Args:
        client: the registry, as the identity that may read.
        release: what to pull; it was verified by the caller.
        repository: the channel's models repository.
        destination: folder to fill; created when missing.
        progress: called with the number of bytes that arrived since the last call (negative when bytes had to be thrown
            away), from several threads but never from two at once. What it raises stops the pull.
        workers: requests in flight; None chooses by cores, files and sizes.
        records_repository: the channel's records repository, where the release's chunk digests lie. With them one large
            file is fetched and hashed in parallel, a flipped byte costs 16 MiB, and a killed pull is resumed.
        keep_partial: leave the unfinished files' verified chunks for the next pull when this one fails. A process that
            is killed leaves them anyway.
        local_cache: files shared by the containers of this host.
        regional_cache: files shared by the instances of this region; the registry is asked for what it lacks.

    Raises:
        IntegrityError: a file's bytes are not the release's, twice in a row.
        RegistryError: the registry refused, or did not recover.
        InputError: `destination` cannot take the files (the message holds the numbers).
    """
    began = time.monotonic()
    report = _Serialized(progress)
    routes = Routes(regional=regional_cache, local=local_cache)
    chunks = chunk_digests(
        client=client, release=release, repository=repository, records=records_repository, cache=regional_cache
    )
    with opened(destination) as base, _turn(local_cache, release=release, progress=progress):
        tasks = _tasks(client=client, release=release, repository=repository, base=base, chunks=chunks, routes=routes)
        kept, missing = sort_out(tasks, progress=report)
        resumed = resume(missing, drafts=base / DRAFTS, progress=report)
        check_space(needed=_needed(missing, resumed=resumed, cache=local_cache, base=base), destination=base)
        with drafts_of(missing, drafts=base / DRAFTS, keep=keep_partial and chunks is not None):
            local, faults, missing = from_local(finish_complete(missing), cache=local_cache, progress=report)
            crew = Crew(
                http=client.http, tasks=missing, routes=routes, progress=report, workers=workers,
                chunk_size=release.chunks.chunk_size,
            )  # fmt: skip
            crew.run()
    return PullReport(
        files=len(tasks),
        bytes=release.load_bytes,
        bytes_kept=kept,
        faults=crew.faults + faults,
        seconds=time.monotonic() - began,
        bytes_resumed=sum(resumed.values()),
        bytes_local=local,
        bytes_regional=crew.arrived("regional"),
        requests=crew.requests,
        workers=crew.size,
    )


class _Serialized:
    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()

    def __call__(self, count: int) -> None:
        if self._progress is not None and count:
            with self._lock:
                self._progress(count)


def _tasks(
    *,
    client: ArtifactoryClient,
    release: Release,
    repository: str,
    base: Path,
    chunks: Mapping[str, tuple[Digest, ...]] | None,
    routes: Routes,
) -> list[FileTask]:
    layout = Layout(base)
    folder = weights_folder(name=release.name, version=release.version)
    above = client.download_url(repository=repository, path=folder)
    tasks = []
    for item in release.load_components:
        registry = Source(
            url=f"{above}/{quote_path(item.path)}",
            what=f"{repository}/{folder}/{item.path}",
        )
        tasks.append(
            FileTask(
                component=item,
                target=layout.target(item),
                draft=layout.draft(item),
                pieces=pieces_of(
                    item, chunks=chunks[item.path] if chunks else None, chunk_size=release.chunks.chunk_size
                ),
                source=routes.first(item, registry=registry),
                registry=registry,
            )
        )
    return tasks


def _needed(tasks: list[FileTask], *, resumed: Mapping[str, int], cache: LocalCache | None, base: Path) -> int:
    """Return the bytes of disk that the files still need: what a draft or a hard link holds needs none."""
    needed = 0
    for task in tasks:
        if cache is None or not cache.holds(task.component.digest, beside=base):
            needed += task.size - (os.stat(task.draft).st_blocks * 512 if task.draft in resumed else 0)  # noqa: PTH116
    return needed


def _turn(cache: LocalCache | None, *, release: Release, progress: Progress | None) -> AbstractContextManager[None]:
    if cache is None:
        return nullcontext()

    def wait(seconds: float) -> None:
        if progress is not None:
            progress(0)
        time.sleep(seconds)

    return cache.turn(release.digest, wait=wait)
