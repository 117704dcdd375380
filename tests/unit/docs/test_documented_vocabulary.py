"""docs/architecture.md names every environment variable, every format and every predicate that the code knows."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CODE = ("weighbridge", "containers", "lambdas", "constructs", "stacks")
# Parts of names that the doctor puts together, and what stands in its own page.
DOCTOR = {
    "WEIGHBRIDGE_TOKEN",
    "WEIGHBRIDGE_TOKEN_IDENTITY",
    "WEIGHBRIDGE_TOKEN_READER",
    "WEIGHBRIDGE_TOKEN_ADMINISTRATOR",
}
# Names in a namespace of UUIDs, of which nobody sees the text.
UNSEEN = {"urn:weighbridge:bom:v1"}


@cache
def texts() -> tuple[str, ...]:
    """Every text in the code, but for docstrings."""
    found = []
    for folder in CODE:
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            found += [
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone
            ]
    return tuple(found)


def names(pattern: str, where: str | tuple[str, ...]) -> set[str]:
    parts = (where,) if isinstance(where, str) else where
    return {name for part in parts for name in re.findall(pattern, part)}


def test_every_environment_variable_is_named() -> None:
    pattern = r"\bWEIGHBRIDGE_[A-Z0-9_]*[A-Z0-9]\b"
    assert names(pattern, texts()) - DOCTOR - names(pattern, PAGE) == set()


def test_no_variable_is_named_that_nobody_reads() -> None:
    pattern = r"\bWEIGHBRIDGE_[A-Z0-9_]*[A-Z0-9]\b"
    assert names(pattern, PAGE) - names(pattern, texts()) == set()


def test_every_format_is_named() -> None:
    pattern = r"\bweighbridge\.[a-z-]+/v[0-9]+"
    assert names(pattern, texts()) - names(pattern, PAGE) == set()


def test_every_predicate_is_named() -> None:
    pattern = r"urn:weighbridge:[a-z-]+:v[0-9]+"
    assert names(pattern, texts()) - UNSEEN - names(pattern, PAGE) == set()
