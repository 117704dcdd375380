"""One measured run: wall seconds, CPU seconds and peak memory of the client alone."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Measured:
    """`wall` and `cpu` in seconds, `peak` in bytes, `threads` or processes are part of the client's own choice."""

    wall: float
    cpu: float
    peak: int


class ContenderError(Exception):
    """A contender did not do its job; the message is the end of what it said."""


def run_tool(
    command: Sequence[str | Path], *, env: Mapping[str, str], folder: Path, start: Measured | None = None
) -> Measured:
    """Measure a program from its start to its end, less `start`, which it takes to do nothing."""
    with (folder / "said.txt").open("w+b") as said:
        began = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], env=dict(env), stdout=said, stderr=said)
        limit = threading.Timer(LIMIT_SECONDS, process.kill)
        limit.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            limit.cancel()
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise ContenderError(said.read().decode(errors="replace")[-600:])
    cpu = usage.ru_utime + usage.ru_stime
    idle = start or Measured(wall=0.0, cpu=0.0, peak=0)
    return Measured(wall=max(0.001, wall - idle.wall), cpu=max(0.001, cpu - idle.cpu), peak=usage.ru_maxrss * 1024)


def start_of(command: Sequence[str | Path], *, env: Mapping[str, str], folder: Path) -> Measured:
    """Measure what a program takes to start and do nothing: the quickest of five runs."""
    return min((run_tool(command, env=env, folder=folder) for _ in range(5)), key=lambda found: found.wall)


def run_python(command: Sequence[str | Path], *, env: Mapping[str, str]) -> Measured:
    """Measure what a script in bench/clients says of itself: from the call to its end, without Python's start."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=dict(env),
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise ContenderError(f"not done after {LIMIT_SECONDS} s") from error
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        raise ContenderError((done.stdout + done.stderr)[-600:])
    found = json.loads(lines[-1])
    return Measured(wall=float(found["wall"]), cpu=float(found["cpu"]), peak=int(found["peak"]))
