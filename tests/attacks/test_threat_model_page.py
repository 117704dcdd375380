"""docs/threat-model.md says what the tour does, case by case, and names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

from tests.attacks.test_attackers_tour import CASES
from tests.attacks.test_tour_audited import TRACES
from tests.attacks.tour_gates import APPROVED, STAGES
from weighbridge.audit import RULES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| `[a-z0-9-]+` \|", line)
]
SAID = {row[0].strip("`"): row for row in ROWS}


def shown(rule: str | None) -> str:
    return "" if rule is None else "goes on" if rule == APPROVED else f"`{rule}`"


def test_every_case_stands_on_the_page_with_its_rules() -> None:
    assert len(ROWS) == len(SAID)
    assert {name: row[3:6] for name, row in SAID.items()} == {
        case.name: [shown(case.rules.get(stage)) for stage in STAGES] for case in CASES
    }


def test_every_trace_stands_on_the_page() -> None:
    found = {name: set(re.findall(r"`([^`]+)`", row[6])) for name, row in SAID.items() if row[6]}
    assert found == TRACES


def test_every_attack_is_described() -> None:
    assert all(row[1] and row[2] for row in ROWS)


def test_what_the_page_names_exists() -> None:
    paths = set(re.findall(r"tests/attacks[a-z_/]*(?:\.py)?", PAGE))
    assert {"tests/attacks/test_attackers_tour.py", "tests/attacks/test_racing_promoters.py"} <= paths
    assert all((ROOT / path).exists() for path in paths)
    rules = set(re.findall(r"`(audit\.[a-z-]+)`", PAGE))
    assert rules <= RULES.keys()
