"""`weighbridge train start`: what is wrong with the words is said before anything is started."""

from __future__ import annotations

import json

import pytest

from local.process import ROOT
from weighbridge.cli import train
from weighbridge.cli.run import run
from weighbridge.jobs.start import Execution

WORDS = ["train", "start", "minilm:1.2.0", "--environments", str(ROOT / "environments")]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What Step Functions would be asked; nothing reaches AWS."""
    found: list[object] = []

    class NoAws:
        def __init__(self, *, region: str | None) -> None:
            found.append(region)

        def ssm(self) -> None: ...

        def states(self) -> None: ...

    def start_run(*, client: object, pipeline: str, run: object) -> Execution:
        found.append(run)
        return Execution(arn=f"{pipeline}:x", status="RUNNING")

    def follow(*, client: object, arn: str) -> Execution:
        return Execution(arn=arn, status="FAILED", cause="CUDA out of memory")

    monkeypatch.setattr(train, "Aws", NoAws)
    monkeypatch.setattr("weighbridge.jobs.start.find_pipeline", lambda **_: "arn:pipeline")
    monkeypatch.setattr("weighbridge.jobs.start.start_run", start_run)
    monkeypatch.setattr("weighbridge.jobs.start.follow", follow)
    return found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--env", "prod"], "training.job: is missing"),
        (["--env", "dev", "--hyperparameter", "epochs"], "--hyperparameter: 'epochs' is not KEY=VALUE"),
        (["--env", "dev", "--channel", "a=s3://b/", "--channel", "a=s3://c/"], "--channel: 'a' is given twice"),
        (["--env", "dev", "--channel", "a=/data"], "channel a: '/data' is not below s3://"),
        (["--env", "dev", "--commit", "main"], "commit"),
        (["--env", "dev", "--job", "a_b"], "job: 'a_b' is no name of a training job"),
    ],
)
def test_one_line_and_nothing_started(
    started: list[object], capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run([*WORDS, *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert started == []


def test_the_run_is_started_in_the_environments_region_and_named_after_the_model(
    started: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--env", "dev", "--hyperparameter", "loss=a=b", "--owner", "ann", "--json"]
    assert run([*WORDS, *words]) == 0
    region, asked = started
    assert region == "eu-central-1"
    assert asked.hyperparameters == {"loss": "a=b"}  # type: ignore[attr-defined]
    said = json.loads(capsys.readouterr().out)
    assert said["job"].startswith("minilm-1-2-0-")
    assert said["status"] == "RUNNING"


def test_waiting_for_a_run_that_fails_says_why_and_is_no_success(
    started: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*WORDS, "--env", "dev", "--wait", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["cause"] == "CUDA out of memory"
