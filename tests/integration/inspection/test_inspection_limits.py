"""Time and memory of the gate, each measured in a process of its own that the system ends at the limit."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from inspection_bombs import BOMBS, MIB

# The kernel counts seconds of CPU, so that a busy machine does not fail the test and a slow validator does.
SECONDS = 5
GIB = 1024 * MIB
SCRIPT = """
import json, re, sys
from pathlib import Path
from weighbridge.inspection import inspect_folder
report = inspect_folder(Path(sys.argv[1]))
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
rules = sorted({item.rule for file in report.files for item in file.findings})
print(json.dumps({"verdict": report.verdict, "peak": peak, "rules": rules}))
"""


def inspected(folder: Path, *, cpu: int | None = None) -> dict[str, object]:
    def limit() -> None:
        if cpu is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, check=False, preexec_fn=limit
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-500:]}"
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_within_five_seconds_and_writes_nothing(tmp_path: Path, name: str) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / name).write_bytes(BOMBS[name]())
    found = inspected(model, cpu=SECONDS)
    assert "inspect.format.crash" not in found["rules"]  # type: ignore[operator]
    assert [path.name for path in tmp_path.rglob("*")] == ["model", name]


def test_gigabytes_need_less_than_three_hundred_megabytes(tmp_path: Path) -> None:
    # Hashing 20 takes a minute of two cores: WEIGHBRIDGE_SPARSE_GIB=20 asks for as many.
    size = int(os.environ.get("WEIGHBRIDGE_SPARSE_GIB", "3")) * GIB
    header = json.dumps({"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + size)
    found = inspected(tmp_path)
    assert found["verdict"] == "clean"
    assert isinstance(found["peak"], int)
    assert found["peak"] < 300 * 1000 * 1000
