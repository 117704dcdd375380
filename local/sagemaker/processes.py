"""Processes with their output read line by line; none outlives this one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LINE_LIMIT = 256 * 1024
_WATCHDOG = Path(__file__).with_name("watchdog.py")
_READ_SECONDS = 5.0


class Watchdog:
    """Knows every process group that runs; see watchdog.py."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WATCHDOG)], stdin=subprocess.PIPE, start_new_session=True
        )

    def add(self, group: int) -> None:
        """Have `group` killed when this process dies."""
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Forget `group`: it has ended."""
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._tell(f"-{group}\n")

    def close(self) -> None:
        """Kill whatever is left, and end."""
        assert self._process.stdin is not None
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


class ManagedProcess:
    """One process that leads a group of its own. `exited` is set once it, its group and its output have ended."""

    def __init__(
        self,
        *,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
        watchdog: Watchdog,
    ) -> None:
        """Start it.

        Raises:
            OSError: when the program cannot be executed.
        """
        self._watchdog = watchdog
        self._on_line = on_line
        self._process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.exited = threading.Event()
        self.exit_status: int | None = None
        try:
            watchdog.add(self.pid)
        except (BrokenPipeError, ValueError):
            _signal_group(self.pid, signal.SIGKILL)
            self._process.wait()
            raise
        self._reader = threading.Thread(target=self._read, name=f"output-{self.pid}", daemon=True)
        self._reader.start()
        threading.Thread(target=self._wait, name=f"wait-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id, which is its group's, too."""
        return self._process.pid

    def stop(self, *, grace_seconds: float) -> None:
        """End it as SageMaker does: SIGTERM to the process, SIGKILL to all after `grace_seconds`. Returns at its end."""
        if not self.exited.is_set():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            if not self.exited.wait(grace_seconds):
                _signal_group(self.pid, signal.SIGKILL)
        self.exited.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            while line := stream.readline(LINE_LIMIT):
                self._on_line(line.decode("utf-8", "replace").rstrip("\r\n"))

    def _wait(self) -> None:
        self.exit_status = self._process.wait()
        _signal_group(self.pid, signal.SIGKILL)
        self._reader.join(_READ_SECONDS)
        self._watchdog.remove(self.pid)
        self.exited.set()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
