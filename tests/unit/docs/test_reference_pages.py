"""The generated pages say what the code says now, and what they are made of is read rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.reference.__main__ import ROOT, pages, stale
from tools.reference.docstrings import read_docstring
from tools.reference.pages import package_page, props_page
from tools.reference.source import read_package

TINY = '''
"""A tiny package."""

from tiny.thing import Thing as Renamed

__all__ = ["Renamed"]
'''
THING = '''
from dataclasses import dataclass, field


class Thing(Base):
    """One thing.

    It is | small.
    """

    def __init__(self, scope: Construct, construct_id: str, *, size: int | None = None, name: str) -> None:
        """Create it.

        Args:
            size: in bytes; over
                two lines.
            name: what it is called.

        Raises:
            InputError: when it is too big.
        """

    @property
    def weight(self) -> float:
        """In grams."""

    def add_lid(self, *, tight: bool = True) -> None:
        """Close it."""

    def _hidden(self) -> None: ...
'''


def tiny(folder: Path) -> Path:
    (folder / "tiny").mkdir()
    (folder / "tiny" / "__init__.py").write_text(TINY)
    (folder / "tiny" / "thing.py").write_text(THING)
    return folder


def test_the_pages_are_up_to_date() -> None:
    assert stale(pages()) == [], "run `make reference`"


def test_a_changed_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, page, gone = pages(), Path("docs") / "props.md", Path("docs") / "reference" / "weighbridge.pull.md"
    for path, text in found.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.setattr("tools.reference.__main__.ROOT", tmp_path)
    assert stale(found) == []
    assert stale({**found, page: found[page] + "x"}) == [page]
    del found[gone]
    assert stale(found) == [gone]


def test_names_are_followed_to_where_they_are_defined(tmp_path: Path) -> None:
    package = read_package("tiny", roots=(tiny(tmp_path),))
    page = package_page(package)
    assert "Thing(scope: Construct, construct_id: str, *, size: int | None = None, name: str)" in page
    assert "| `weight` | `float` | In grams. |" in page
    assert "### `Thing.add_lid`" in page
    assert "- `size`: in bytes; over two lines." in page
    assert "Raises `InputError`: when it is too big." in page
    assert "_hidden" not in page


def test_a_prop_has_type_default_and_meaning(tmp_path: Path) -> None:
    lines = props_page(read_package("tiny", roots=(tiny(tmp_path),))).splitlines()
    assert "| `size` | `int \\| None` | `None` | in bytes; over two lines. |" in lines
    assert "| `name` | `str` | required | what it is called. |" in lines
    assert "| `tight` | `bool` | `True` |" in lines
    assert not [line for line in lines if line.startswith("| `scope`")]


def test_every_construct_has_its_table() -> None:
    package = read_package("weighbridge_cdk", roots=(ROOT, ROOT / "constructs"))
    page = pages()[Path("docs") / "props.md"]
    offered = {found.name for found in package.offers}
    assert {"GovernedEndpoint", "PromotedModel", "Rollout", "ChannelPin"} <= offered
    assert {name for name in offered if f"\n## `{name}`\n" not in page} <= {"GovernedModelChecks", "resource_name"}


def test_sections_of_a_docstring() -> None:
    told = read_docstring("Do it.\n\nMore.\n\nArgs:\n    a: one\n        two\n\nReturns:\n    a thing,\n    or two\n")
    assert told.text == "Do it.\n\nMore."
    assert told.arguments == {"a": "one two"}
    assert told.returns == "a thing, or two"
