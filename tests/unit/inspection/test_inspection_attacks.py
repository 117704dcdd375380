"""Each attack of the corpus is blocked, alone in its folder, by the rule that is meant for it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from inspection_attacks import ATTACKS, Attack

from weighbridge.inspection import RULES, inspect_folder


@pytest.mark.parametrize("attack", ATTACKS, ids=[item[0] for item in ATTACKS])
def test_attack_is_blocked_by_its_rule(tmp_path: Path, attack: Attack) -> None:
    _, name, data, rule = attack
    (tmp_path / name).write_bytes(data)
    report = inspect_folder(tmp_path)
    found = {item.rule for item in report.files[0].findings if item.severity == "block"}
    assert report.verdict == "blocked"
    assert rule in found, report.files[0].findings
    assert "inspect.format.crash" not in found
    for item in report.files[0].findings:
        assert item.rule in RULES
        assert (item.reason + item.remedy).isprintable()


def test_corpus_is_large_and_each_attack_its_own() -> None:
    ids = Counter(item[0] for item in ATTACKS)
    assert len(ATTACKS) >= 150
    assert [name for name, count in ids.items() if count > 1] == []
    assert len({(item[1], item[2]) for item in ATTACKS}) == len(ATTACKS)


def test_every_rule_is_written_down() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "inspection.md").read_text(encoding="utf-8")
    assert [rule for rule in RULES if f"`{rule}`" not in text] == []
