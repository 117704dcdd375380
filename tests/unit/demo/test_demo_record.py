"""docs/demo.md shows a real run of the demo that is in the tree: every step, in order, passed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.demo.chapters import TITLES
from local.demo.record import BEGIN, END, record, transcript
from local.demo.story import DemoError, Step
from local.process import ROOT

PAGE = ROOT / "docs" / "demo.md"


def recorded() -> str:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    text, end, _ = rest.partition(END)
    assert end, "the page has no end marker"
    return text


def test_the_page_shows_every_step_of_the_demo() -> None:
    shown = re.findall(r"^\[(\d+)/(\d+)\] (.*)$", recorded(), re.MULTILINE)
    expected = [(str(number), str(len(TITLES)), title) for number, title in enumerate(TITLES, start=1)]
    assert shown == expected, "run `.venv/bin/python -m local.demo --record docs/demo.md`"


def test_every_step_on_the_page_passed_and_proved_something() -> None:
    for part in re.split(r"^\[", recorded(), flags=re.MULTILINE)[1:]:
        _title, *proofs, end = part.replace("```", "").strip().splitlines()
        assert proofs, part
        assert re.fullmatch(r" +ok in \d+\.\d s", end), part


def test_the_page_names_no_place_of_the_machine_that_ran_it() -> None:
    assert re.findall(r"(?<![\w./-])/(?:home|root|tmp|work|Users|var|opt/build)/\S*", recorded()) == []


def step(*proofs: str) -> Step:
    return Step(number=1, title="Found the channels", proofs=list(proofs), seconds=1.25, passed=True)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "demo.md"
    page.write_text(f"# The demo\n\n{BEGIN}\nold\n{END}\n\nand then\n", encoding="utf-8")
    return page


def test_a_run_replaces_the_one_before_and_nothing_else(page: Path, tmp_path: Path) -> None:
    for proof in ("first", r"second \1"):
        record(page, steps=[step(proof)], folder=tmp_path / "state")
        wanted = f"```text\n[1/1] Found the channels\n      {proof}\n      ok in 1.2 s\n```\n"
        assert page.read_text(encoding="utf-8") == f"# The demo\n\n{BEGIN}\n{wanted}{END}\n\nand then\n"


def test_a_proof_that_names_a_folder_of_the_machine_is_not_recorded(page: Path, tmp_path: Path) -> None:
    before = page.read_text(encoding="utf-8")
    with pytest.raises(DemoError, match="names a folder of this machine"):
        record(page, steps=[step(f"see {tmp_path}/state/x")], folder=tmp_path / "state")
    assert page.read_text(encoding="utf-8") == before


def test_a_page_without_markers_is_left_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "other.md"
    page.write_text("# Other\n", encoding="utf-8")
    with pytest.raises(DemoError, match=r"other\.md: must hold the line"):
        record(page, steps=[step("x")], folder=tmp_path / "state")
    assert page.read_text(encoding="utf-8") == "# Other\n"


def test_long_proofs_are_wrapped_and_lose_no_word() -> None:
    proof = " ".join(f"word{number}" for number in range(60))
    lines = transcript([step(proof)]).splitlines()
    assert max(map(len, lines)) <= 120
    assert " ".join(" ".join(lines[1:-1]).split()) == proof
