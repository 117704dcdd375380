"""What surrounds a command is missing or closed: one line that names it, and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-m", "weighbridge.cli")


def run(*arguments: str, streams: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the CLI in a process of its own; `streams` is the shell's redirection of them."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "JF_ACCESS_TOKEN": "token", **variables}
    words = ["sh", "-c", f'exec "$@" {streams}', "sh", *COMMAND, *arguments]
    return subprocess.run(words, env=environ, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(("arguments", "status"), [(("--help",), 0), (("--version",), 0), (("resolve", "m"), 2)])
def test_a_stream_that_is_closed_from_the_start_is_no_error(
    streams: str, arguments: tuple[str, ...], status: int
) -> None:
    done = run(*arguments, streams=streams)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)


def test_a_state_folder_that_cannot_be_written_is_named_with_its_variable(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    settings = tmp_path / "dev.yaml"
    text = (ROOT / "environments" / "dev.yaml").read_text(encoding="utf-8")
    settings.write_text(text, encoding="utf-8")
    done = run("resolve", "minilm", "--settings", str(settings), "--json", WEIGHBRIDGE_STATE=str(blocked))
    assert done.returncode == 2
    assert done.stderr.startswith(f"weighbridge: WEIGHBRIDGE_STATE: {blocked}/channels/")
    assert done.stderr.count("\n") == 1
    assert json.loads(done.stdout)["error"]["rule"] == "input.file"


def test_a_missing_folder_of_environments_is_said_so(tmp_path: Path) -> None:
    done = run("resolve", "minilm", "--env", "dev", "--environments", str(tmp_path / "none"))
    assert done.returncode == 2
    assert done.stderr == (
        f"weighbridge: {tmp_path}/none: is not a folder here: name the folder of the environments' settings with "
        "--environments\n"
    )
