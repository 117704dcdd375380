"""Start the twin's servers as processes of their own, wait until each says where it listens, and end them by id.

A server prints one JSON object as its first line on standard output once it listens; everything else that it says goes
to its log file. Standard library only: every environment of the twin can import this.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
STOP_SECONDS = 15.0


class ServerError(Exception):
    """A server did not start, or ended by itself; the message holds the end of its log."""


def environment_python(name: str) -> Path:
    """Return the interpreter of one of the environments that tools/bootstrap.py makes: `dev`, `twin`, `hub`, `serve`, `sdk`.

    Raises:
        ServerError: when it is not set up.
    """
    folder = ROOT / ".venv" if name in ("dev", "deploy") else ROOT / ".envs" / name
    python = folder / "bin" / "python"
    if not python.exists():
        raise ServerError(f"{python.relative_to(ROOT)} is missing: run `make setup`")
    return python


class Server:
    """One process. Use it as a context manager; `ready` holds what its first line said.

    The process is ended when this one dies, however it dies (Linux), and leads a group of its own, so that what it
    started is ended with it.
    """

    def __init__(
        self,
        *,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._command = [str(word) for word in command]
        self._log = log
        self._environment = None if environment is None else dict(environment)
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self.ready: dict[str, object] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id; 0 when it does not run."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start the process and wait for its first line.

        Raises:
            ServerError: when it ends or stays silent; it is ended then.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - nothing else runs between fork and exec here
            )
        try:
            self.ready = self._first_line()
        except BaseException:
            self.stop()
            raise
        threading.Thread(target=self._drain, daemon=True).start()

    def stop(self) -> None:
        """End the process: SIGTERM, then SIGKILL for its whole group. Does nothing when it does not run."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        _kill_group(process.pid)
        self._process = None

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is not None:
            _kill_group(self._process.pid)
            self._process.wait()
            self._process = None

    def log_tail(self, lines: int = 20) -> str:
        """Return the end of the log."""
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _first_line(self) -> dict[str, object]:
        assert self._process is not None
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + self._start_seconds
        held = b""
        while b"\n" not in held:
            left = deadline - time.monotonic()
            readable = select.select([descriptor], [], [], max(0.0, left))[0]
            data = os.read(descriptor, 65536) if readable else b""
            if not data:
                what = "said nothing in time" if not readable else "ended before it listened"
                raise ServerError(f"{' '.join(self._command)}: {what}:\n{self.log_tail()}")
            held += data
        try:
            found = json.loads(held.partition(b"\n")[0])
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ServerError(f"{' '.join(self._command)}: its first line is no JSON object: {held[:200]!r}")
        return found

    def _drain(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            return
        with self._log.open("ab") as log:
            while data := process.stdout.read1(65536):  # type: ignore[attr-defined]
                log.write(data)
                log.flush()


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _end_with_parent() -> None:
    # prctl(2) option 1, PR_SET_PDEATHSIG: elsewhere than on Linux there is no such thing.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


def announce(**ready: object) -> None:
    """Say, as a server, that it listens: one JSON object as the first line on standard output."""
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
