"""A process that outlives the local SageMaker just long enough to end its containers, however it died.

Reads `+GROUP` and `-GROUP` lines (process groups that run, that have ended) from standard input; at its end every group
that is left is killed. A death signal would not do: it hangs on the thread that forked, not on the process, and does
not reach what a container itself has started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    """Watch until standard input ends."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
