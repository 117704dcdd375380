"""Where a file comes from when there is a regional cache: the cache first, Artifactory for what it does not have."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from weighbridge.errors import RegistryForbiddenError, RegistryNotFoundError, WeighbridgeError
from weighbridge.pull.fetch import Source
from weighbridge.pull.local_cache import LocalCache
from weighbridge.pull.regional import LEASE_FROM, RegionalCache
from weighbridge.pull.task import FileTask
from weighbridge.release import Component


class Routes:
    """What the workers do when a source fails and when a file is complete. Safe to be used by all of them."""

    def __init__(
        self,
        *,
        regional: RegionalCache | None = None,
        local: LocalCache | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._regional = regional
        self._local = local
        self._clock = clock

    def first(self, component: Component, *, registry: Source) -> Source:
        """Return the source to ask first."""
        if self._regional is None or component.size == 0:
            return registry
        url = self._regional.url_for(component.digest)
        return Source(url=url, what=f"{registry.what} in the regional cache", kind="regional")

    def other(self, task: FileTask, *, failed: Source, error: WeighbridgeError) -> bool:
        """Decide what follows a failure: false when there is no other source, and the error is to be raised.

        A large file that the cache lacks is fetched from Artifactory by one instance at a time, while the others look
        again in the cache, until their patience ends.
        """
        if self._regional is None or failed.kind == "registry":
            return False
        with task.lock:
            if task.source is not failed:
                return True
            now = self._clock()
            task.missed_at = now if task.missed_at is None else task.missed_at
            lacking = isinstance(error, RegistryNotFoundError | RegistryForbiddenError)
            patient = now - task.missed_at < self._regional.patience(task.size)
            leased = lacking and patient and self._regional.writes and task.size >= LEASE_FROM
            if leased and not self._regional.claim(task.component.digest, size=task.size):
                task.not_before = now + self._regional.wait_seconds()
                return True
            task.source = task.registry
            task.ranged = True
        return True

    def finish(self, task: FileTask, *, sent: Callable[[int], None]) -> None:
        """Give the file its name, and give it to the caches that lack it.

        Args:
            task: every piece was verified.
            sent: called while the file is sent; what it raises ends that.
        """
        task.finish()
        if self._local is not None:
            self._local.keep(task.component.digest, task.target)
        if self._regional is not None and self._regional.writes and task.size and task.source.kind == "registry":
            self._regional.put(task.component.digest, Path(task.target), progress=sent)
