"""Becoming the server, tried in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.serving.server_process import ServerProcess, become

ROOT = Path(__file__).resolve().parents[3]
BECOME = """
import sys, json
from weighbridge.serving.server_process import ServerProcess, become
become(ServerProcess(command=tuple(json.loads(sys.argv[1])), environ={"PATH": "/usr/bin:/bin", "ONLY": "this"}, user=%s))
"""


def run_become(command: list[str], *, user: int | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "SECRET": "hidden", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", BECOME % user, json.dumps(command)],
        capture_output=True, text=True, check=False, env=environ, cwd=ROOT,
    )  # fmt: skip


def test_the_server_sees_only_the_planned_environment() -> None:
    script = "import os, json; print(json.dumps(dict(os.environ))); raise SystemExit(7)"
    done = run_become([sys.executable, "-S", "-c", script])
    assert done.returncode == 7
    found = json.loads(done.stdout)
    assert found.pop("ONLY") == "this"
    assert set(found) <= {"PATH", "LC_CTYPE"}


def test_the_process_itself_becomes_the_server() -> None:
    done = run_become(["cat", "/proc/self/environ"])
    assert done.stdout.split("\0") == ["PATH=/usr/bin:/bin", "ONLY=this", ""]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_server_runs_as_the_given_user() -> None:
    done = run_become(["id"], user=65534)
    assert "uid=65534" in done.stdout
    assert "gid=65534" in done.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root can become any user")
def test_another_user_needs_root() -> None:
    done = run_become(["id"], user=65534)
    assert "input.server" in done.stderr or "cannot be started" in done.stderr


def test_a_file_that_cannot_be_executed_is_one_line(tmp_path: Path) -> None:
    program = tmp_path / "server"
    program.write_text("not a program")
    program.chmod(0o755)
    with pytest.raises(InputError, match="cannot be started"):
        become(ServerProcess(command=(str(program),), environ={}, user=None))
