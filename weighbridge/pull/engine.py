"""Pull all files of role `load`, several at a time, into a folder that holds verified files only."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from weighbridge.errors import InputError
from weighbridge.layout import weights_folder
from weighbridge.pull.file import FilePull
from weighbridge.registry import ArtifactoryClient, Location
from weighbridge.release import Component, Release

WORKERS = 8
SPARE_BYTES = 64 * 1024 * 1024

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class PullReport:
    """What was pulled: files, bytes, bytes that already lay there verified, faults recovered from, seconds."""

    files: int
    bytes: int
    bytes_kept: int
    faults: int
    seconds: float


def pull(
    *,
    client: ArtifactoryClient,
    release: Release,
    repository: str,
    destination: Path,
    progress: Progress | None = None,
    workers: int | None = None,
) -> PullReport:
    """Pull a release's files of role `load` into `destination`.

    A file gets its name only after its size and SHA-256 were compared with the release. Files that already lie at
    their path are hashed again and kept when they are the release's; others are refused.

    Args:
        client: the registry, as the identity that may read.
        release: what to pull; it was verified by the caller.
        repository: the channel's models repository.
        destination: folder to fill; created when missing.
        progress: called with the number of bytes that arrived since the last call, from several threads but never
            from two at once. What it raises stops the pull.
        workers: files in flight; None chooses.

    Raises:
        IntegrityError: a file's bytes are not the release's, twice in a row.
        RegistryError: the registry refused, or did not recover.
        InputError: `destination` cannot take the files (the message holds the numbers).
    """
    began = time.monotonic()
    files = sorted(release.load_components, key=lambda item: item.size, reverse=True)
    destination.mkdir(parents=True, exist_ok=True)
    check_space(files=files, destination=destination)
    stop = threading.Event()
    report = _Serialized(progress)
    pulls = [
        FilePull(
            client=client,
            source=Location(repository, f"{weights_folder(name=release.name, version=release.version)}/{item.path}"),
            component=item,
            target=_inside(destination, item),
            stop=stop,
            progress=report,
        )
        for item in files
    ]
    _run_all(pulls, workers=workers or min(WORKERS, max(1, len(pulls))), stop=stop)
    return PullReport(
        files=len(pulls),
        bytes=release.load_bytes,
        bytes_kept=sum(item.bytes_kept for item in pulls),
        faults=sum(item.faults for item in pulls),
        seconds=time.monotonic() - began,
    )


class _Serialized:
    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()

    def __call__(self, count: int) -> None:
        if self._progress is not None:
            with self._lock:
                self._progress(count)


def _run_all(pulls: list[FilePull], *, workers: int, stop: threading.Event) -> None:
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="pull") as pool:
        futures: list[Future[None]] = [pool.submit(item.run) for item in pulls]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise


def check_space(*, files: list[Component], destination: Path) -> None:
    """Refuse early when the file system cannot take the files.

    Raises:
        InputError: rule `input.space`, with the numbers.
    """
    held = sum(item.size for item in files if (destination / item.path).is_file())
    needed = sum(item.size for item in files) - held
    free = shutil.disk_usage(destination).free
    if needed + SPARE_BYTES > free:
        raise InputError(
            f"{destination}: {needed} bytes are needed and {SPARE_BYTES} must stay free, but only {free} are free",
            rule="input.space",
        )


def _inside(destination: Path, component: Component) -> Path:
    base = Path(os.path.realpath(destination))
    target = base / component.path
    if not Path(os.path.realpath(target.parent)).is_relative_to(base) or target.is_symlink():
        raise InputError(f"{component.path!r} does not lie inside {destination}", rule="input.path")
    return target
