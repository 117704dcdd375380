"""What need not be fetched: files that lie at their path, what a killed pull left, what the local cache holds."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from weighbridge.errors import IntegrityError
from weighbridge.pull.faults import disk_refused
from weighbridge.pull.folder import exists, remove_drafts
from weighbridge.pull.local_cache import LocalCache
from weighbridge.pull.task import FileTask, Piece, hash_piece

Progress = Callable[[int], None]


def holds(path: str, task: FileTask) -> bool:
    """Whether a file holds exactly the bytes that the release says; large files are hashed on all cores."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return os.fstat(descriptor).st_size == task.size and all(_good(descriptor, task.pieces))
    finally:
        os.close(descriptor)


def _held(task: FileTask, path: str) -> bool:
    return holds(path, task)


def sort_out(tasks: list[FileTask], *, progress: Progress) -> tuple[int, list[FileTask]]:
    """Return the bytes that lie at their path already, verified, and the files that are missing.

    Raises:
        IntegrityError: a file with other bytes lies at a path.
        InputError: something else than a plain file does.
    """
    kept, missing = 0, []
    for task in tasks:
        if not exists(task.target):
            missing.append(task)
            continue
        try:
            good = holds(task.target, task)
        except OSError as error:
            raise disk_refused(error, path=task.target) from error
        if not good:
            raise IntegrityError(f"{task.target}: holds other bytes than the release says: remove it and pull again")
        kept += task.size
        progress(task.size)
    return kept, missing


def resume(tasks: list[FileTask], *, drafts: Path, progress: Progress) -> dict[str, int]:
    """Verify what a killed pull left, and remove the rest of it; return the bytes that stay, by draft."""
    resumed: dict[str, int] = {}
    try:
        for task in tasks:
            if len(task.pieces) > 1 and _size_of(task.draft) == task.size:
                resumed[task.draft] = task.reuse(check=_good)
                progress(resumed[task.draft])
        remove_drafts(drafts, keep=frozenset(Path(path).name for path in resumed))
    except OSError as error:
        raise disk_refused(error, path=drafts) from error
    return resumed


@contextmanager
def drafts_of(tasks: list[FileTask], *, drafts: Path, keep: bool) -> Iterator[None]:
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


def finish_complete(tasks: list[FileTask]) -> list[FileTask]:
    """Give the files their names whose drafts a killed pull left complete; return the others."""
    for task in tasks:
        if task.unverified == 0:
            task.finish()
    return [task for task in tasks if task.unverified]


def from_local(
    tasks: list[FileTask], *, cache: LocalCache | None, progress: Progress
) -> tuple[int, int, list[FileTask]]:
    """Take what the local cache holds: return its bytes, the files that it held wrong, and the files still missing."""
    if cache is None:
        return 0, 0, tasks
    taken, faults, missing = 0, 0, []
    for task in tasks:
        if task.begun:
            missing.append(task)
            continue
        try:
            found = cache.take(task.component.digest, draft=task.draft, target=task.target, verify=partial(_held, task))
        except OSError as error:
            raise disk_refused(error, path=task.target) from error
        if found:
            taken += task.size
            progress(task.size)
        else:
            faults += found is False
            missing.append(task)
    return taken, faults, missing


def _size_of(draft: str) -> int | None:
    try:
        found = os.lstat(draft)
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _good(descriptor: int, pieces: tuple[Piece, ...]) -> list[bool]:
    def check(piece: Piece) -> bool:
        return hash_piece(descriptor, piece) == piece.digest

    if len(pieces) == 1:
        return [check(pieces[0])]
    with ThreadPoolExecutor(max_workers=min(len(pieces), len(os.sched_getaffinity(0)))) as pool:
        return list(pool.map(check, pieces))
