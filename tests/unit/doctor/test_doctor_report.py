"""The report, the choice of checks, and the page that lists them."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from weighbridge.doctor import (
    CHECKS,
    Finding,
    Judgement,
    Report,
    Severity,
    choose,
    print_report,
)
from weighbridge.doctor.findings import ok, problem, unknown, warning
from weighbridge.errors import InputError

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_lists_every_check_with_what_it_asks() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z]+\.[a-z-]+)` \| (.+) \|$", page, re.MULTILINE)
    assert listed == [(check.id, check.asks) for check in CHECKS]


def test_ids_are_unique() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)


def test_only_takes_ids_and_topics() -> None:
    chosen = choose(CHECKS, only=("registry", "proxy.xet"), aws=True)
    assert {check.topic for check in chosen} == {"registry", "proxy"}
    assert [check.id for check in chosen if check.topic == "proxy"] == ["proxy.xet"]
    assert not [check for check in choose(CHECKS, only=(), aws=False) if check.topic == "aws"]


def test_an_unknown_check_is_refused_with_the_topics() -> None:
    with pytest.raises(InputError, match=r"'regstry'.*choose from registry, repositories"):
        choose(CHECKS, only=("regstry",), aws=True)


def report_of(*judgements: Judgement) -> Report:
    return Report(environment="dev", findings=tuple(Finding.of("a.b", judgement) for judgement in judgements))


def test_the_exit_status_says_problem_before_could_not_check() -> None:
    fine, hurt, bad, open_ = ok("a"), warning("b", remedy="r"), problem("c", remedy="r"), unknown("d", remedy="r")
    assert [report_of(*found).exit_code for found in ((fine, hurt), (fine, bad, open_), (fine, open_))] == [0, 1, 2]
    assert report_of(fine, open_).fields()["healthy"] is False


def test_every_finding_but_ok_has_a_remedy() -> None:
    with pytest.raises(ValueError, match="remedy"):
        Judgement(Severity.PROBLEM, "no way out")


def test_markup_in_an_answer_is_shown_and_not_obeyed() -> None:
    out = StringIO()
    print_report(report_of(problem("[red]repo[/red] [/]", remedy="[link=x]")), console=Console(file=out, width=120))
    assert "[red]repo[/red] [/]" in out.getvalue()
    assert "0 ok, 0 warning, 1 problem, 0 could not check" in out.getvalue()
