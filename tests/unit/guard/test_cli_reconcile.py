"""`weighbridge reconcile`: what it prints, and its exit status: 0 clean, 1 findings, 2 could not look."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.synthesis import ROOT
from weighbridge.cli import reconcile as command
from weighbridge.cli.run import run
from weighbridge.errors import CloudError, InputError, RegistryAuthError
from weighbridge.reconciliation import Finding, Report

FINDING = Finding("ungoverned", "mine", "arn:x", "all", "all: model mine: WEIGHBRIDGE_RELEASE is missing")
CLEAN = Report(findings=(), endpoints=2, held=frozenset(), failures=())
FOUND = Report(findings=(FINDING,), endpoints=2, held=frozenset({"other"}), failures=())
PARTLY = Report(findings=(FINDING,), endpoints=1, held=frozenset(), failures=("sagemaker: Rate exceeded",))


def call(monkeypatch: pytest.MonkeyPatch, outcome: Report | Exception, *arguments: str) -> int:
    class Looked:
        def look(self) -> Report:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    monkeypatch.setattr(command, "_reconciliation", lambda *_, **__: Looked())
    return run(["reconcile", "--settings", str(ROOT / "environments" / "prod.yaml"), *arguments])


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (CLEAN, 0),
        (FOUND, 1),
        (PARTLY, 2),
        (CloudError("sagemaker:ListEndpoints: denied"), 2),
        (RegistryAuthError("401"), 2),
        (InputError("--acceptances: no output"), 2),
    ],
)
def test_the_exit_status_says_what_was_found(
    monkeypatch: pytest.MonkeyPatch, outcome: Report | Exception, status: int
) -> None:
    assert call(monkeypatch, outcome) == status


def test_json_holds_everything(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    call(monkeypatch, FOUND, "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["environment"], found["endpoints"], found["undecided"], found["failures"]) == (
        "prod",
        2,
        ["other"],
        [],
    )
    (finding,) = found["findings"]
    assert (finding["id"], finding["severity"]) == ("weighbridge/prod/ungoverned/mine/all", "HIGH")
    assert finding["remedy"].startswith("Delete the endpoint")


def test_people_get_a_line_for_each_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(monkeypatch, PARTLY)
    out = capsys.readouterr().out
    assert "HIGH ungoverned mine: all: model mine: WEIGHBRIDGE_RELEASE is missing: Delete the endpoint" in out
    assert "could not look at  sagemaker: Rate exceeded" in out
