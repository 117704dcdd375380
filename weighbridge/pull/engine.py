"""Pull all files of role `load`, several at a time, into a folder that holds verified files only."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from weighbridge.errors import IntegrityError, RegistryNotFoundError
from weighbridge.layout import ChannelLayout, weights_folder
from weighbridge.names import Digest
from weighbridge.pull.faults import StoppedError, disk_refused
from weighbridge.pull.fetch import Fetcher, Source, Stop, TlsContexts
from weighbridge.pull.folder import DRAFTS, Layout, exists, opened, remove_drafts
from weighbridge.pull.plan import Plan, run_bytes_for, worker_count
from weighbridge.pull.space import check_space
from weighbridge.pull.task import FileTask, digest_matches, pieces_of
from weighbridge.pull.worker import Worker
from weighbridge.registry import ArtifactoryClient
from weighbridge.release import CHUNK_SIZE, Release, parse_chunks

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class PullReport:
    """What was pulled: files, bytes, bytes that already lay there verified, faults recovered from, seconds.

    `bytes_resumed` were left by a pull that was killed, and verified; `requests` counts HTTP requests, redirects and
    repetitions included.
    """

    files: int
    bytes: int
    bytes_kept: int
    faults: int
    seconds: float
    bytes_resumed: int = 0
    requests: int = 0
    workers: int = 0


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

    Raises:
        IntegrityError: a file's bytes are not the release's, twice in a row.
        RegistryError: the registry refused, or did not recover.
        InputError: `destination` cannot take the files (the message holds the numbers).
    """
    began = time.monotonic()
    report = _Serialized(progress)
    with opened(destination) as base:
        chunks = _chunk_digests(client=client, release=release, repository=repository, records=records_repository)
        tasks = _tasks(client=client, release=release, repository=repository, base=base, chunks=chunks)
        kept, missing = _sort_out(tasks, progress=report)
        drafts = base / DRAFTS
        resumed = _resume(missing, drafts=drafts, progress=report)
        held = sum(os.stat(path).st_blocks * 512 for path in resumed)  # noqa: PTH116
        check_space(needed=sum(task.size for task in missing) - held, destination=base)
        crew = _Crew(client=client, progress=report, tasks=missing, workers=workers)
        with _drafts(drafts, tasks=missing, keep=keep_partial and chunks is not None):
            crew.run()
    return PullReport(
        files=len(tasks),
        bytes=release.load_bytes,
        bytes_kept=kept,
        faults=crew.faults,
        seconds=time.monotonic() - began,
        bytes_resumed=sum(resumed.values()),
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


def _chunk_digests(
    *, client: ArtifactoryClient, release: Release, repository: str, records: str | None
) -> Mapping[str, tuple[Digest, ...]] | None:
    if records is None or all(item.size <= release.chunks.chunk_size for item in release.load_components):
        return None
    layout = ChannelLayout(channel="", models_repository=repository, records_repository=records)
    path = layout.chunks_path(name=release.name, release=release.digest)
    try:
        data = client.read(repository=records, path=path, limit=release.chunks.size)
    except RegistryNotFoundError:
        # The files' own digests verify as much, only not in parallel.
        return None
    return parse_chunks(data, release=release).files


def _tasks(
    *,
    client: ArtifactoryClient,
    release: Release,
    repository: str,
    base: Path,
    chunks: Mapping[str, tuple[Digest, ...]] | None,
) -> list[FileTask]:
    layout = Layout(base)
    folder = weights_folder(name=release.name, version=release.version)
    return [
        FileTask(
            component=item,
            target=layout.target(item),
            draft=layout.draft(item),
            pieces=pieces_of(item, chunks=chunks[item.path] if chunks else None, chunk_size=release.chunks.chunk_size),
            source=Source(
                url=client.download_url(repository=repository, path=f"{folder}/{item.path}"),
                what=f"{repository}/{folder}/{item.path}",
            ),
        )
        for item in release.load_components
    ]


def _sort_out(tasks: list[FileTask], *, progress: Progress) -> tuple[int, list[FileTask]]:
    """Return the bytes that lie at their path already, verified, and the files that are missing."""
    kept, missing = 0, []
    for task in tasks:
        if not exists(task.target):
            missing.append(task)
            continue
        try:
            good = digest_matches(task.target, task.pieces)
        except OSError as error:
            raise disk_refused(error, path=task.target) from error
        if not good:
            raise IntegrityError(f"{task.target}: holds other bytes than the release says: remove it and pull again")
        kept += task.size
        progress(task.size)
    return kept, missing


def _size_of(draft: str) -> int | None:
    try:
        found = os.lstat(draft)
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _resume(tasks: list[FileTask], *, drafts: Path, progress: Progress) -> dict[str, int]:
    """Verify what a killed pull left; return the bytes that stay, by draft."""
    resumed: dict[str, int] = {}
    try:
        for task in tasks:
            if len(task.pieces) > 1 and _size_of(task.draft) == task.size:
                resumed[task.draft] = task.reuse()
                progress(resumed[task.draft])
        remove_drafts(drafts, keep=frozenset(Path(path).name for path in resumed))
    except OSError as error:
        raise disk_refused(error, path=drafts) from error
    return resumed


@contextmanager
def _drafts(drafts: Path, *, tasks: list[FileTask], keep: bool) -> Iterator[None]:
    """The drafts' folder while the workers write; afterwards it is gone, unless drafts are kept for the next pull."""
    try:
        if tasks:
            drafts.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise disk_refused(error, path=drafts) from error
    try:
        yield
    except BaseException:
        for task in tasks:
            task.release()
        names = {Path(task.draft).name for task in tasks if len(task.pieces) > 1} if keep else set()
        remove_drafts(drafts, keep=frozenset(names))
        raise
    remove_drafts(drafts)


class _Crew:
    """The workers of one pull."""

    def __init__(
        self, *, client: ArtifactoryClient, progress: Progress, tasks: list[FileTask], workers: int | None
    ) -> None:
        sizes = [task.size for task in tasks]
        self.size = workers or worker_count(sizes=sizes, run_bytes=CHUNK_SIZE)
        self._stop = Stop()
        self._client = client
        plan = Plan(tasks, run_bytes=run_bytes_for(sizes=sizes, workers=self.size, chunk_size=CHUNK_SIZE))
        tls = TlsContexts(http=client.http)
        self._fetchers = [Fetcher(http=client.http, tls=tls, stop=self._stop) for _ in range(self.size)]
        self._workers = [
            Worker(
                plan=plan, fetcher=item, http=client.http, stop=self._stop, progress=progress, finish=FileTask.finish
            )
            for item in self._fetchers
        ]

    @property
    def faults(self) -> int:
        """Faults that the workers recovered from."""
        return sum(worker.faults for worker in self._workers)

    @property
    def requests(self) -> int:
        """HTTP requests that the workers made."""
        return sum(fetcher.requests_made for fetcher in self._fetchers)

    def run(self) -> None:
        """Let them work; the first error stops all and is raised."""
        with ThreadPoolExecutor(max_workers=self.size, thread_name_prefix="pull") as pool:
            futures = [pool.submit(worker.run) for worker in self._workers]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                errors = [error for future in done if (error := future.exception()) is not None]
            except BaseException:
                self._stop.set()
                raise
            self._stop.set()
        if errors:
            raise next((error for error in errors if not isinstance(error, StoppedError)), errors[0])
