"""What every Python client prints of itself. Standard library only: it runs in several environments."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopwatch() -> Iterator[None]:
    """Print wall seconds, CPU seconds (children included) and peak memory of the block as one JSON line."""
    before, began = _cpu(), time.monotonic()
    yield
    wall = time.monotonic() - began
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"wall": wall, "cpu": _cpu() - before, "peak": peak * 1024}))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)
