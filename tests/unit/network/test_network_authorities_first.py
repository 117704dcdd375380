"""A container trusts its authorities before it asks anybody anything, or ends with one line."""

from __future__ import annotations

import importlib
import io
import json
from pathlib import Path

import pytest

from weighbridge.environment import ML_ROOT
from weighbridge.errors import InputError
from weighbridge.logs import JsonLog
from weighbridge.registry import SecretOrigin
from weighbridge.training import TrainingJob, run_job


def test_a_job_that_cannot_trust_its_authorities_ends_before_its_body(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()

    def body(job: TrainingJob) -> None:
        raise AssertionError("the body ran")

    err = io.StringIO()
    status = run_job(
        arguments=["train"],
        environ={ML_ROOT: str(tmp_path), "WEIGHBRIDGE_CA_BUNDLE": "/etc/own.pem"},
        log=JsonLog(out=io.StringIO(), err=err),
        body=body,
    )
    assert status == InputError.exit_code
    assert "WEIGHBRIDGE_CA_BUNDLE" in (tmp_path / "output" / "failure").read_text()
    (line,) = err.getvalue().splitlines()
    assert json.loads(line)["rule"] == "input.environment"


def test_a_serving_container_trusts_before_it_opens_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> object:
        raise AssertionError("a token was opened")

    # The package's `main` is the function, which hides the module of that name.
    serving_main = importlib.import_module("weighbridge.serving.main")
    monkeypatch.setattr(serving_main, "open_origin", never)
    monkeypatch.setenv("WEIGHBRIDGE_CA_BUNDLE", "/etc/own.pem")
    with pytest.raises(InputError, match="WEIGHBRIDGE_CA_BUNDLE"):
        serving_main.open_token(origin=SecretOrigin(secret_id="reader"), url="https://registry.example.com/artifactory")
