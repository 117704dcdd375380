"""Progress for people and for log groups: a bar on a terminal, JSON lines in a container, metrics at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from weighbridge.logs import Clock, system_clock, timestamp
from weighbridge.metrics import (
    BYTES_FROM_LOCAL_CACHE,
    BYTES_FROM_REGIONAL_CACHE,
    BYTES_FROM_REGISTRY,
    NAMESPACE,
    PULL_RETRIES,
    PULL_SECONDS,
    PULLED_BYTES,
)
from weighbridge.pull.engine import PullReport

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def progress_bar(
    *, total: int, what: str = "pulling", console: Console | None = None
) -> Iterator[Callable[[int], None]]:
    """Show a bar with bytes, speed and time left on standard error; yields what `pull` takes as `progress`."""
    # Serving images have no rich, and import this file for its lines alone.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    shown = console or Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


class ProgressLines:
    """One JSON line every few seconds: bytes so far, bytes in all, bytes a second since the last line.

    Args:
        total: bytes of the release.
        out: where the lines go; each is written whole and flushed.
        every: seconds between two lines.
        now: monotonic seconds.
        clock: the time that the lines tell.
        about: fields of every line.
    """

    def __init__(
        self,
        *,
        total: int,
        out: TextIO,
        every: float = 5.0,
        now: Callable[[], float] = time.monotonic,
        clock: Clock = system_clock,
        about: Mapping[str, str] | None = None,
    ) -> None:
        self._about = dict(about or {})
        self._total = total
        self._out = out
        self._every = every
        self._now = now
        self._clock = clock
        self._done = 0
        self._last_done = 0
        self._last = now()

    def advance(self, count: int) -> None:
        """Count `count` bytes (negative when some were thrown away); for `pull`, which never calls it twice at once."""
        self._done += count
        now = self._now()
        passed = now - self._last
        if passed < self._every:
            return
        rate = (self._done - self._last_done) / passed
        line: dict[str, object] = {
            "time": timestamp(self._clock()),
            "level": "info",
            "event": "pulling",
            **self._about,
            "bytes": self._done,
            "bytes_total": self._total,
            "bytes_per_second": round(rate),
        }
        _write(self._out, line)
        self._last, self._last_done = now, self._done


def write_metrics(
    report: PullReport,
    *,
    model: str,
    version: str,
    out: TextIO,
    clock: Clock = system_clock,
    about: Mapping[str, str] | None = None,
) -> None:
    """Write the pull's metrics as one line in CloudWatch's embedded metric format.

    CloudWatch Logs makes metrics of it in namespace `weighbridge`, by model and by model and version; nothing has to be
    called or permitted. `about` are further fields of the line.
    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metrics: dict[str, tuple[str, float]] = {
        PULLED_BYTES: ("Bytes", report.bytes),
        PULL_SECONDS: ("Seconds", round(report.seconds, 3)),
        PULL_RETRIES: ("Count", report.faults),
        BYTES_FROM_REGISTRY: ("Bytes", report.bytes_registry),
        BYTES_FROM_REGIONAL_CACHE: ("Bytes", report.bytes_regional),
        BYTES_FROM_LOCAL_CACHE: ("Bytes", report.bytes_local),
    }
    directive: dict[str, object] = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Model"], ["Model", "Version"]],
        "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in metrics.items()],
    }
    line: dict[str, object] = {
        "_aws": {"Timestamp": round(clock().timestamp() * 1000), "CloudWatchMetrics": [directive]},
        "time": timestamp(clock()),
        "level": "info",
        "event": "pulled",
        **(about or {}),
        "Model": model,
        "Version": version,
        "Source": report.source,
        "files": report.files,
        "requests": report.requests,
        **{name: value for name, (_, value) in metrics.items()},
    }
    _write(out, line)


def _write(out: TextIO, line: dict[str, object]) -> None:
    out.write(json.dumps(line) + "\n")
    out.flush()
