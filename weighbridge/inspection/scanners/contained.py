"""Run somebody else's program on files that nobody trusts: limits, no token, no cache, no telemetry, a scratch folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB
# Sets the limits on itself and becomes the program; -I keeps the caller's PYTHONPATH and user packages out of it.
_LAUNCH = """
import os, resource, sys
memory, output, *command = sys.argv[1:]
for kind, most in ((resource.RLIMIT_AS, int(memory)), (resource.RLIMIT_FSIZE, int(output)), (resource.RLIMIT_CORE, 0)):
    resource.setrlimit(kind, (most, most))
os.execv(command[0], command)
"""
# Where nothing listens: what would call home in spite of all switches fails at once.
_NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a scanner may use: `seconds` of wall time, `memory` in bytes of address space, `report` in bytes."""

    seconds: int = 900
    memory: int = 4 * GIB
    report: int = 256 * MIB


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: the bytes of its report, or why there is none that counts."""

    status: int
    report: bytes
    fault: str | None = None


def find_program(name: str, *, path: Path | None) -> str | None:
    """Return the program `path`, else `name` beside this interpreter or on PATH; None when it is not installed."""
    if path is not None:
        return str(path.absolute()) if os.access(path, os.X_OK) else None
    beside = Path(sys.executable).parent / name
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(name)


def run_contained(
    program: str, arguments: Sequence[str], *, report: str, limits: Limits, switches: dict[str, str]
) -> Ended:
    """Run a program in a folder of its own that is deleted afterwards, and return what it wrote into the file `report` there.

    Every process that it started is killed when it ends or its time is up.

    Args:
        switches: environment variables that turn its telemetry and caches off.
    """
    with tempfile.TemporaryDirectory(prefix="weighbridge-scan-") as scratch:
        folder = Path(scratch)
        command = [sys.executable, "-I", "-X", "utf8", "-c", _LAUNCH, str(limits.memory), str(limits.report), program]
        with subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            env={**_environment(folder), **switches},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                status = process.wait(timeout=limits.seconds)
            except subprocess.TimeoutExpired:
                return Ended(status=-1, report=b"", fault=f"it was not done after {limits.seconds} seconds")
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if status < 0:
            return Ended(status=status, report=b"", fault=f"it was ended by signal {-status}")
        return _read(folder / report, status=status, limit=limits.report)


def _read(path: Path, *, status: int, limit: int) -> Ended:
    try:
        if path.is_symlink() or path.stat().st_size > limit:
            return Ended(status=status, report=b"", fault="its report is not a file within the limit")
        return Ended(status=status, report=path.read_bytes())
    except OSError:
        return Ended(status=status, report=b"", fault=f"it wrote no report and ended with {status}")


def _environment(folder: Path) -> dict[str, str]:
    home = str(folder)
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _NOWHERE)
    # Where the interpreter's own libraries lie, which it does not start without on Lambda.
    libraries = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {
        **libraries, "PATH": os.defpath, "LANG": "C.UTF-8", "HOME": home, "TMPDIR": home, "XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home,
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1",
        "DO_NOT_TRACK": "1", "NO_COLOR": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **proxies,
    }  # fmt: skip
