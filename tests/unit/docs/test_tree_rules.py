"""Rules of the tree that no tool keeps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_no_two_test_modules_share_a_name() -> None:
    """pytest puts every test folder on the path: of two modules with one name, the first hides the other."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []


def test_constructs_stays_a_source_root() -> None:
    assert not (ROOT / "constructs" / "__init__.py").exists()
