"""Xray's opinion: a violation asks for a revocation, and whatever was not wholly scanned is not clean."""

from __future__ import annotations

import json

import pytest
import responses

from weighbridge.errors import RegistryError, RegistryForbiddenError
from weighbridge.inspection.xray import XrayVerdict, ask_xray
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registry import Retries, StaticToken, Timeouts
from weighbridge.registry.http import Http
from weighbridge.release import Chunks, Component, Lineage, Release, Runtime

HOST = "https://registry.example.com"
STATUS, VIOLATIONS = f"{HOST}/xray/api/v1/artifact/status", f"{HOST}/xray/api/v1/violations"
LAYOUT = ChannelLayout(channel="prod", models_repository="ml-prod", records_repository="records")
RELEASE = Release(
    name="minilm",
    version="1.0.0",
    components=(Component("model.safetensors", 4, Digest.of(b"a"), "load"),),
    chunks=Chunks(size=100, digest=Digest.of(b"chunks")),
    runtime=Runtime(image=f"registry.example.com/inference@{Digest.of(b'image')}", lock=Digest.of(b"lock")),
    lineage=Lineage(),
)
NONE = {"total_violations": 0, "violations": []}


def ask(*, status: object, violations: object, code: int = 200) -> XrayVerdict:
    responses.post(STATUS, json=status, status=code)
    responses.post(VIOLATIONS, json=violations)
    http = Http(url=HOST, tokens=StaticToken(token="t"), timeouts=Timeouts(), retries=Retries(attempts=1))
    return ask_xray(http=http, layout=LAYOUT, release=RELEASE)


@responses.activate
def test_done_without_violations_is_clean_and_asks_for_nothing() -> None:
    found = ask(status={"overall": {"status": "DONE"}}, violations=NONE)
    assert (found.opinion, found.revocation_reason()) == ("clean", None)
    asked = json.loads(responses.calls[0].request.body or b"")
    assert asked == {"repo": "ml-prod", "path": "models/minilm/1.0.0/model.safetensors"}


@responses.activate
@pytest.mark.parametrize(
    "status",
    [
        {},
        {"overall": None},
        *(
            {"overall": {"status": word}}
            for word in ("NOT_SCANNED", "NOT_SUPPORTED", "PENDING", "SCANNING", "PARTIAL", "FAILED")
        ),
    ],
)
def test_whatever_is_not_done_is_not_clean(status: object) -> None:
    found = ask(status=status, violations=NONE)
    assert (found.opinion, found.revocation_reason()) == ("not-scanned", None)


@responses.activate
def test_what_xray_does_not_know_is_not_clean() -> None:
    assert ask(status={}, violations=NONE, code=404).opinion == "not-scanned"


@responses.activate
@pytest.mark.parametrize("status", ["DONE", "PARTIAL"])
def test_a_violation_asks_for_a_revocation_even_of_half_a_scan(status: str) -> None:
    violations = {"total_violations": 1, "violations": [{"issue_id": "XRAY-1", "severity": "Critical"}]}
    found = ask(status={"overall": {"status": status}}, violations=violations)
    assert (found.opinion, found.revocation_reason()) == ("violation", "Xray: model.safetensors: XRAY-1 (Critical)")


@responses.activate
def test_violations_that_are_counted_and_not_listed_count() -> None:
    found = ask(status={"overall": {"status": "DONE"}}, violations={"total_violations": 3, "violations": []})
    assert found.opinion == "violation"


@responses.activate
@pytest.mark.parametrize("violations", [{}, [], {"total_violations": "0", "violations": []}, {"total_violations": 0}])
def test_an_answer_that_tells_nothing_is_an_error(violations: object) -> None:
    with pytest.raises(RegistryError):
        ask(status={"overall": {"status": "DONE"}}, violations=violations)


@responses.activate
def test_a_refusal_is_an_error() -> None:
    with pytest.raises(RegistryForbiddenError):
        ask(status={}, violations=NONE, code=403)


def test_a_release_without_files_is_not_clean() -> None:
    assert XrayVerdict(release=RELEASE, files=()).opinion == "not-scanned"
