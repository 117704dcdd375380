"""Whether the machine is quiet enough for figures that are to be published."""

from __future__ import annotations

import os
import time
from pathlib import Path

BUSY_SHARE = 0.15
_LOAD = 0.5
_SAMPLE_SECONDS = 3.0


def busy_share(*, seconds: float = _SAMPLE_SECONDS) -> float:
    """Return the share of all cores' time, 0 to 1, that was spent on anything during `seconds`."""
    before = _ticks()
    time.sleep(seconds)
    idle, total = (after - then for after, then in zip(_ticks(), before, strict=True))
    return 1.0 - idle / total if total > 0 else 0.0


def why_busy(*, load: float, share: float, cores: int) -> str | None:
    """Return the one line that refuses a busy machine, None for a quiet one.

    Args:
        load: the load average of the last minute.
        share: see `busy_share`.
        cores: how many cores there are.
    """
    if share > BUSY_SHARE:
        return f"this machine is busy: {share:.0%} of its {cores} cores are in use, at most {BUSY_SHARE:.0%} may be: end what runs beside"
    if load > _LOAD * cores:
        return (
            f"this machine was busy a moment ago: load average {load:.2f}, at most {_LOAD * cores:.2f}: wait a minute"
        )
    return None


def refuse_busy() -> None:
    """Look at this machine.

    Raises:
        RuntimeError: it is busy.
    """
    reason = why_busy(load=os.getloadavg()[0], share=busy_share(), cores=len(os.sched_getaffinity(0)))
    if reason is not None:
        raise RuntimeError(reason)


def _ticks() -> tuple[int, int]:
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)
