"""`weighbridge doctor` as a user types it, against the twin's registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.registry.fault import Fault
from tests.clients.doctor.doctor_clinic import HUB_MODEL, Clinic
from weighbridge.cli.run import run
from weighbridge.doctor import CHECKS

IDENTITIES = {"READER": "reader", "SCIENTIST": "scientist", "REGISTRAR": "registrar", "PROMOTER": "promoter"}


@pytest.fixture
def arguments(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command's arguments, with every identity's token in the environment."""
    for name, user in {**IDENTITIES, "ADMINISTRATOR": "admin"}.items():
        monkeypatch.setenv(f"WEIGHBRIDGE_TOKEN_{name}", clinic.world.registry.token(user))
    return ["doctor", "--settings", str(clinic.world.folder / "dev.yaml"), "--no-aws", "--hub-model", HUB_MODEL]


def test_a_healthy_set_up_ends_with_0_and_names_every_check(
    arguments: list[str], clinic: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--json"]) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert report["healthy"] is True
    assert {finding["check"] for finding in report["findings"]} == {c.id for c in CHECKS if c.topic != "aws"}
    assert not [name for name in IDENTITIES.values() if clinic.world.registry.token(name) in shown.out + shown.err]


def test_a_problem_ends_with_1_and_shows_its_remedy(
    arguments: list[str], clinic: Clinic, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    clinic.world.registry.add_fault(Fault(kind="status", path="*/tree/*", status=404))
    assert run([*arguments, "--only", "proxy.tree"]) == 1
    shown = capsys.readouterr().out
    assert "the proxy does not list a snapshot's files with /tree (404)" in shown
    assert "-> upgrade Artifactory" in shown
    assert "0 ok, 0 warning, 1 problem, 0 could not check" in shown


def test_what_could_not_be_checked_ends_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEIGHBRIDGE_TOKEN_PROMOTER")
    assert run([*arguments, "--only", "permissions.promoter"]) == 2
    assert "could not check" in capsys.readouterr().out


def test_the_usual_token_counts_for_the_identity_that_is_named(
    arguments: list[str], clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEIGHBRIDGE_TOKEN_PROMOTER")
    monkeypatch.setenv("JF_ACCESS_TOKEN", clinic.world.registry.token("promoter"))
    assert run([*arguments, "--only", "permissions.promoter", "--as", "promoter"]) == 0
    assert run([*arguments, "--only", "permissions.promoter", "--read-only", "--as", "promoter"]) == 2


def test_settings_that_cannot_be_read_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--settings", str(tmp_path / "dev.yaml"), "--no-aws"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
