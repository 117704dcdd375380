"""The notebook runs from its first cell to its last, and the outputs in the file are what it prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.process import ROOT, environment_python

NOTEBOOK = ROOT / "examples" / "notebook" / "walkthrough.ipynb"
# What differs from run to run: digests of what was just signed, ports, times.
VARIES = (
    r"\b[0-9a-f]{64}\b",
    r"(?<=correlation id) +[0-9a-f]{16}\b",
    r"127\.0\.0\.1:\d+",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    r"(?<=seconds) +[\d.]+",
)


def cells(text: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]


def printed(cell: dict[str, Any]) -> str:
    return "".join("".join(output["text"]) for output in cell["outputs"])


def shape(text: str) -> str:
    """The text without what varies, and without the width of tables, which follows it."""
    for pattern in VARIES:
        text = re.sub(pattern, "*", text)
    return re.sub(r"[━─┏┓┡╇┩└┴┘┳]+| +", " ", text)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("home")
    done = subprocess.run(
        [str(environment_python("sdk")), "tools/notebook.py"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.glob("weighbridge-twin-*")) == []
    return done.stdout


def test_it_ends_with_a_refusal_and_no_file(executed: str) -> None:
    broken = printed(cells(executed)[-2])
    assert "weighbridge: ml-prod-local/models/minilm/1.0.0/model.safetensors: " in broken
    assert "(exit status 4)" in broken
    assert "model.safetensors was written: False" in broken


def test_what_is_pulled_is_the_model_that_was_promoted(executed: str) -> None:
    (similar,) = (printed(cell) for cell in cells(executed) if "encoder.encode" in "".join(cell["source"]))
    cosines = [float(line.split()[0]) for line in similar.splitlines()]
    assert cosines[0] == 1.0
    assert cosines[1] > cosines[2] + 0.1


def test_the_outputs_in_the_file_are_what_it_prints(executed: str) -> None:
    kept = [("".join(cell["source"]), shape(printed(cell))) for cell in cells(NOTEBOOK.read_text(encoding="utf-8"))]
    now = [("".join(cell["source"]), shape(printed(cell))) for cell in cells(executed)]
    assert kept == now, "the file's outputs are old: run `make notebook`"
    assert sum(bool(output) for _, output in kept) == len(kept) - 1


def test_the_file_names_no_path_and_no_host_of_a_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert not re.findall(r"/(?:home|root|tmp|work|usr|Users|var)/", text)
    assert str(ROOT) not in text
    addresses = set(re.findall(r"\d+\.\d+\.\d+\.\d+", text))
    assert addresses == {"127.0.0.1"}
    assert not {key for cell in json.loads(text)["cells"] for key in cell["metadata"]}


def test_every_link_leads_somewhere() -> None:
    text = "".join("".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"])
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert [link for link in links if not (NOTEBOOK.parent / Path(link)).exists()] == []
