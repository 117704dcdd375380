"""What the documentation tells people to import exists, and so do the tests that it names as proofs."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for folder in ("docs", "examples") for page in (ROOT / folder).rglob("*.md"))]
)
BLOCKS = re.compile(r"^ *```python\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
IMPORT = re.compile(r"^ *from (weighbridge[\w.]*) import (?:\(([\w,\s]*)\)|([\w, ]+))", re.MULTILINE)
TEST = re.compile(r"`(test_\w+)`")


def imports(page: Path) -> list[tuple[str, str]]:
    """Return (module, name) of what the page's Python blocks take from weighbridge's own packages."""
    found = []
    for block in BLOCKS.findall(page.read_text(encoding="utf-8")):
        for module, in_parentheses, in_line in IMPORT.findall(block):
            found += [(module, name) for name in re.findall(r"\w+", in_parentheses or in_line)]
    return found


def names_of(module: str) -> set[str]:
    """Return the names at a module's top level, read from its source: what an extra brings is not installed here."""
    place = importlib.util.find_spec(module)
    assert place is not None, f"there is no module {module}"
    assert place.origin is not None, f"{module} holds nothing"
    found: set[str] = set()
    for node in ast.parse(Path(place.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


TAKEN = [(page.relative_to(ROOT).as_posix(), module, name) for page in PAGES for module, name in imports(page)]


def test_there_is_something_to_check() -> None:
    assert {module for _, module, _ in TAKEN} >= {"weighbridge.sdk", "weighbridge.training"}


@pytest.mark.parametrize(("page", "module", "name"), TAKEN, ids=lambda value: str(value))
def test_what_a_page_imports_exists(page: str, module: str, name: str) -> None:
    assert name in names_of(module), page


@pytest.mark.parametrize(
    "page", [page for page in PAGES if TEST.search(page.read_text("utf-8"))], ids=lambda page: page.name
)
def test_tests_that_a_page_names_exist(page: Path) -> None:
    defined = {
        name
        for module in (ROOT / "tests").rglob("*.py")
        for name in [module.stem, *re.findall(r"^def (test_\w+)", module.read_text(encoding="utf-8"), re.MULTILINE)]
    }
    assert set(TEST.findall(page.read_text(encoding="utf-8"))) - defined == set()
