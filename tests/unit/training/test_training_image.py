"""The training image's own rules, beside those that every Dockerfile keeps (tests/unit/serving/test_dockerfiles.py)."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from weighbridge.training.hub import HUB_ENVIRONMENT

ROOT = Path(__file__).resolve().parents[3]
TEXT = re.sub(r"\\\n\s*", " ", (ROOT / "containers" / "training" / "Dockerfile").read_text())
LINES = [line for line in TEXT.splitlines() if line and not line.startswith("#")]
COPIED = [line.split()[1] for line in LINES if line.startswith("COPY")]
VARIABLES = dict(word.split("=", 1) for line in LINES if line.startswith("ENV") for word in line.split()[1:])


def modules(folder: Path) -> Iterator[Path]:
    yield from folder.rglob("*.py")


def test_it_trains_and_does_nothing_else() -> None:
    assert json.loads(LINES[-1].removeprefix("CMD ")) == ["train"]
    entry = json.loads(LINES[-2].removeprefix("ENTRYPOINT "))
    assert entry[0] == "python3"
    assert (ROOT / entry[1].removeprefix("/srv/weighbridge/")).is_file()


def test_it_installs_the_locked_environment_of_the_tests() -> None:
    assert "locks/hub.txt" in COPIED
    installed = (ROOT / "locks" / "hub.txt").read_text()
    for name in ("frogml", "huggingface-hub", "autograd", "numpy", "safetensors", "tokenizers", "boto3"):
        assert re.search(rf"^{name}==", installed, flags=re.MULTILINE), name


@pytest.mark.parametrize("name", sorted(HUB_ENVIRONMENT))
def test_the_hub_is_told_before_it_is_imported(name: str) -> None:
    assert VARIABLES[name] == HUB_ENVIRONMENT[name]


def test_every_module_that_the_job_imports_is_in_the_image() -> None:
    folders = [ROOT / path for path in COPIED if (ROOT / path).is_dir()]
    assert {folder.name for folder in folders} == {"weighbridge", "encoder", "training"}
    for folder in folders:
        if folder.name == "weighbridge":
            continue
        for module in modules(folder):
            for node in ast.walk(ast.parse(module.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("containers."):
                    assert node.module.split(".")[1] in ("encoder", "training"), f"{module}: {node.module}"
