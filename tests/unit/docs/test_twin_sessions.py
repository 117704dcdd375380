"""`make test` names the files of the twin's tests one by one: none may be forgotten."""

from __future__ import annotations

from local.process import ROOT
from tools.test import TWIN


def test_every_file_of_the_twin_is_run_once() -> None:
    named = [f"test_{name}.py" for names in TWIN for name in names]
    assert sorted(named) == sorted(path.name for path in (ROOT / "tests" / "twin").glob("test_*.py"))
