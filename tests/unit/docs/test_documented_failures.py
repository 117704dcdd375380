"""docs/operations.md says of every refusal what it means and what to do, and names the statuses that AWS has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from botocore.loaders import Loader

from weighbridge import errors

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "operations.md"
SOURCES = [path for folder in ("weighbridge", "containers", "lambdas") for path in (ROOT / folder).rglob("*.py")]
RULE = re.compile(r"refused\.[a-z-]+")


def section(heading: str) -> str:
    return PAGE.read_text(encoding="utf-8").partition(f"### {heading}\n")[2].partition("\n### ")[0]


def cells(heading: str) -> list[list[str]]:
    """The rows of the section's table, each as its cells."""
    lines = [line for line in section(heading).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[1:]]


def rules_of_the_code() -> set[str]:
    """Every text in the code that is a rule of a refusal."""
    return {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and RULE.fullmatch(node.value)
    }


def test_every_refusal_has_a_row_and_every_row_a_refusal() -> None:
    named = {rule for row in cells("Refusals by rule") for rule in re.findall(r"`(refused\.[a-z-]+)`", row[0])}
    assert named == rules_of_the_code()


def test_the_other_rules_of_the_tree_are_named() -> None:
    tree = {each.rule for each in vars(errors).values() if isinstance(each, type) and hasattr(each, "rule")}
    others = {rule for rule in tree if not rule.startswith("refused")} - {"weighbridge.error", "input"}
    assert {rule for rule in others if f"`{rule}`" not in section("Refusals by rule")} == set()


def test_what_the_hook_says_is_what_it_says() -> None:
    said = {
        part
        for path in (ROOT / "weighbridge" / "admission").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(part := node.value, str)
    }
    phrases = [text for row in cells("What the hook says") for text in re.findall(r"`([a-z][^`]+)`", row[0])]
    assert len(phrases) >= 9
    assert [text for text in phrases if not any(text in each for each in said)] == []


@pytest.mark.parametrize("heading", ["Stacks and endpoints", "What the hook says", "Alarms", "Refusals by rule"])
def test_every_row_says_something_in_every_column(heading: str) -> None:
    rows = cells(heading)
    assert len(rows) >= 10
    assert [row for row in rows if not all(row) or len(row) != len(rows[0])] == []


def test_the_statuses_of_endpoints_are_sagemakers() -> None:
    model = Loader().load_service_model("sagemaker", "service-2")
    known = set(model["shapes"]["EndpointStatus"]["enum"])
    assert {"UpdateRollbackFailed", "SystemUpdating", "Failed"} <= known
    text = section("Stacks and endpoints")
    assert {
        status for status in ("UpdateRollbackFailed", "SystemUpdating", "Failed") if f"`{status}`" not in text
    } == set()


def test_a_failed_rollback_of_a_stack_is_told_with_its_way_out() -> None:
    (row,) = [row for row in cells("Stacks and endpoints") if row[0].startswith("UPDATE_ROLLBACK_FAILED")]
    assert "aws cloudformation continue-update-rollback" in row[2]
