"""SIGTERM before the work is done: stop at once, and leave nothing unverified or half claimed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_STATUS = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM arrived. Not an Exception, so that nothing on the way takes it for a failed request and retries."""


class StopFlag:
    """Set by SIGTERM. Worker threads look at it through `check`, because only the main thread gets the exception."""

    def __init__(self) -> None:
        self._stopped = False

    def stop(self) -> None:
        """Say that everybody has to stop."""
        self._stopped = True

    def ignore(self) -> None:
        """Let nothing interrupt what follows: cleaning up."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def check(self, _: int = 0) -> None:
        """Raise Terminated once the flag is set; fits as a progress callback."""
        if self._stopped:
            raise Terminated


@contextmanager
def stopping_on_sigterm(*, also: Callable[[], None] | None = None) -> Iterator[StopFlag]:
    """Turn the first SIGTERM into Terminated in the main thread and ignore the next ones, until the block is left.

    Args:
        also: called before that, in the main thread, wherever it was interrupted.
    """
    flag = StopFlag()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        flag.stop()
        if also is not None:
            also()
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGTERM, before)
