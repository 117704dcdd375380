"""Which worker fetches what: whole files, largest first, and runs of pieces where a file is larger than a run."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from weighbridge.pull.task import FileTask

BUFFER = 512 * 1024
RUN_LIMIT = 256 * 1024 * 1024
_RUNS_PER_WORKER = 4


@dataclass(slots=True)
class Run:
    """Pieces of one file, by number, that one request can fetch."""

    task: FileTask
    pieces: list[int]

    @property
    def small(self) -> bool:
        """Whether it is a whole file that fits into a worker's buffer."""
        return self.task.size <= BUFFER and len(self.task.pieces) == 1


def worker_count(*, sizes: Sequence[int], run_bytes: int, cores: int | None = None) -> int:
    """Return how many workers pay: two a core, between 4 and 32, and never more than there are runs.

    SHA-256 and system calls run outside Python's lock, so two a core keep the cores busy while some wait for the
    network; more of them wait for each other (docs/pull.md). Small files are little else than Python: one worker brings
    all of them, with many requests in flight.
    """
    available = cores or len(os.sched_getaffinity(0))
    runs = sum(-(-size // run_bytes) for size in sizes if size > BUFFER) + any(size <= BUFFER for size in sizes)
    return max(1, min(runs, max(4, 2 * available), 32))


class Plan:
    """Hands out runs to the workers; safe to be used by all of them."""

    def __init__(self, tasks: Sequence[FileTask], *, run_bytes: int) -> None:
        self._lock = threading.Lock()
        ordered = sorted(tasks, key=lambda task: task.size, reverse=True)
        self._large = [task for task in ordered if len(task.pieces) > 1]
        self._small = deque(task for task in ordered if len(task.pieces) == 1)
        self._run_bytes = run_bytes

    def claim(self) -> Run | float | None:
        """Return the next run, or the seconds after which to ask again, or None when nothing is left to begin."""
        with self._lock:
            now = time.monotonic()
            task = self._next(now)
            if task is None:
                waiting = [task.not_before - now for task in self._large if task.missing and task.not_before > now]
                return min(waiting) if waiting else None
            run = Run(task, self._cut(task))
            task.active += 1
            return run

    def done(self, run: Run) -> None:
        """Say that a run ended, whatever is still missing of it is given back before."""
        with self._lock:
            run.task.active -= 1

    def give_back(self, run: Run, pieces: Sequence[int]) -> None:
        """Return pieces that were not fetched."""
        with self._lock:
            run.task.missing = sorted({*run.task.missing, *pieces})
            if run.task not in self._large:
                self._large.append(run.task)

    def _next(self, now: float) -> FileTask | None:
        ready = [
            task for task in self._large if task.missing and task.not_before <= now and (task.ranged or not task.active)
        ]
        if ready:
            # Two writers of one file wait for each other, so the files take turns.
            return min(ready, key=lambda task: (task.active, -len(task.missing)))
        return self._small.popleft() if self._small else None

    def _cut(self, task: FileTask) -> list[int]:
        if not task.ranged or len(task.missing) <= 1:
            taken, task.missing = task.missing, []
            return taken
        size = max(1, self._run_bytes // task.pieces[0].length)
        end = 1
        while end < min(size, len(task.missing)) and task.missing[end] == task.missing[end - 1] + 1:
            end += 1
        taken, task.missing = task.missing[:end], task.missing[end:]
        return taken


def run_bytes_for(*, sizes: Sequence[int], workers: int, chunk_size: int) -> int:
    """Return how many bytes one request should fetch: some four runs a worker, in whole chunks, at most 256 MiB."""
    share = sum(sizes) // (workers * _RUNS_PER_WORKER)
    return max(chunk_size, min(RUN_LIMIT, share // chunk_size * chunk_size))
