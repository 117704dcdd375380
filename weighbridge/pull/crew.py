"""The workers of one pull: started together, stopped by the first error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from weighbridge.pull.connections import Stop, TlsContexts
from weighbridge.pull.faults import StoppedError
from weighbridge.pull.fetch import Fetcher, SourceKind
from weighbridge.pull.plan import Plan, run_bytes_for, worker_count
from weighbridge.pull.routes import Routes
from weighbridge.pull.task import FileTask
from weighbridge.pull.worker import Worker
from weighbridge.registry.http import Http


class Crew:
    """Workers for `tasks`, as many as pay (or `workers`). `chunk_size` is in bytes."""

    def __init__(
        self,
        *,
        http: Http,
        tasks: Sequence[FileTask],
        routes: Routes,
        progress: Callable[[int], None],
        workers: int | None,
        chunk_size: int,
    ) -> None:
        sizes = [task.size for task in tasks]
        self.size = (workers or worker_count(sizes=sizes, run_bytes=chunk_size)) if tasks else 0
        self._stop = Stop()
        run_bytes = run_bytes_for(sizes=sizes, workers=max(1, self.size), chunk_size=chunk_size)
        plan = Plan(tasks, run_bytes=run_bytes)
        tls = TlsContexts(http=http)
        self._fetchers = [Fetcher(http=http, tls=tls, stop=self._stop) for _ in range(self.size)]
        self._workers = [
            Worker(plan=plan, fetcher=item, http=http, stop=self._stop, progress=progress, routes=routes)
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

    def arrived(self, kind: SourceKind) -> int:
        """Verified bytes that came from that kind of source."""
        return sum(worker.arrived[kind] for worker in self._workers)

    def run(self) -> None:
        """Let them work; the first error stops all and is raised."""
        if not self._workers:
            return
        with ThreadPoolExecutor(max_workers=self.size, thread_name_prefix="pull") as pool:
            futures = [pool.submit(worker.run) for worker in self._workers]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                self._stop.set()
        errors = [error for future in done if (error := future.exception()) is not None]
        if errors:
            raise next((error for error in errors if not isinstance(error, StoppedError)), errors[0])
