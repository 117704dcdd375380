"""The demo judges itself: an outcome that is not as it must be ends it with status 1, and a signal ends all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from local.aws.stacks import StackEvent, StackOutcome
from local.demo import __main__ as program
from local.demo import rollouts
from local.demo.caller import SteadyClient, Tally
from local.demo.first_release import Promoted
from local.demo.story import DemoError, Step, Story, require
from local.process import ROOT

PATIENCE_SECONDS = 120.0
SERVING = Promoted(version="2.0.0", release="sha256:" + "2" * 64, release_id="2@sha256:" + "b" * 64)


def run_main(monkeypatch: pytest.MonkeyPatch, folder: Path, told: Callable[[object, Story], None]) -> int:
    @contextmanager
    def no_world(_folder: Path) -> Iterator[None]:
        yield None

    monkeypatch.setattr(program, "open_world", no_world)
    monkeypatch.setattr(program, "tell", told)
    monkeypatch.setattr(program.signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["demo", "--folder", str(folder)])
    return program.main()


def test_a_story_whose_outcomes_hold_ends_with_0(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def told(_world: object, story: Story) -> None:
        with story.step("one") as step:
            step.proved("it holds")

    assert run_main(monkeypatch, tmp_path, told) == 0


def test_one_outcome_that_does_not_hold_ends_the_demo_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(_world: object, story: Story) -> None:
        with story.step("one"):
            require(1 + 1 == 3, "the sum is 2, not 3")
        raise AssertionError("the story went on")

    assert run_main(monkeypatch, tmp_path, told) == 1
    printed = capsys.readouterr().out
    assert "failed in" in printed
    assert "demo: the sum is 2, not 3" in printed
    assert "What was proven" not in printed


def client_of(*, answers: dict[str, int], failures: list[str] | None = None) -> SteadyClient:
    client = SteadyClient(make_runtime=lambda: pytest.fail("asked"), endpoint="e")
    client.tally = Tally(failures=failures or [])
    client.tally.answers.update(answers)
    return client


def test_a_single_failed_request_or_foreign_answer_is_an_outcome() -> None:
    rollouts._require_only(client_of(answers={"2.0.0": 9}), SERVING)
    with pytest.raises(DemoError, match="requests failed"):
        rollouts._require_only(client_of(answers={"2.0.0": 9}, failures=["503"]), SERVING)
    with pytest.raises(DemoError, match="answers came from"):
        rollouts._require_only(client_of(answers={"2.0.0": 9, "3.0.0": 1}), SERVING)
    with pytest.raises(DemoError, match="answers came from"):
        rollouts._require_only(client_of(answers={}), SERVING)


def test_a_request_that_fails_is_counted_and_never_repeated() -> None:
    calls: list[str] = []

    def invoke_endpoint(**_request: object) -> dict[str, object]:
        calls.append("call")
        raise ClientError({"Error": {"Code": "ModelError", "Message": "503"}}, "InvokeEndpoint")

    client = SteadyClient(make_runtime=lambda: SimpleNamespace(invoke_endpoint=invoke_endpoint), endpoint="e")
    with client:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(client.tally.failures) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(client.tally.failures) == len(calls) >= 3
    assert client.tally.served == 0


def event(kind: str, status: str, reason: str = "") -> StackEvent:
    return StackEvent(logical_id="X", resource_type=kind, status=status, reason=reason, physical_id="x")


ASSERTION = event("Custom::WeighbridgeEndpointAssertion", "UPDATE_FAILED", "InService on the old config")


@pytest.mark.parametrize(
    ("status", "events", "message"),
    [
        ("UPDATE_COMPLETE", (ASSERTION,), "not rolled back"),
        ("UPDATE_ROLLBACK_FAILED", (ASSERTION,), "not rolled back"),
        ("UPDATE_ROLLBACK_COMPLETE", (event("AWS::SageMaker::Endpoint", "UPDATE_FAILED"),), "what failed first"),
        (
            "UPDATE_ROLLBACK_COMPLETE",
            (event("AWS::SageMaker::EndpointConfig", "DELETE_COMPLETE"), ASSERTION),
            "deleted before the deployment was judged",
        ),
    ],
)
def test_a_refusal_that_went_another_way_is_an_outcome(
    status: str, events: tuple[StackEvent, ...], message: str
) -> None:
    step = Step(number=1, title="refuse")
    good = StackOutcome(name="s", status="UPDATE_ROLLBACK_COMPLETE", outputs={}, events=(ASSERTION,))
    rollouts._check_rolled_back(step, good)
    with pytest.raises(DemoError, match=message):
        rollouts._check_rolled_back(step, StackOutcome(name="s", status=status, outputs={}, events=events))


def processes_below(folder: Path) -> list[str]:
    """Return the command lines of the processes that have to do with `folder`."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc, which Linux has")
def test_sigterm_ends_the_demo_and_every_process_that_it_started(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with (tmp_path / "output").open("w") as output:
        demo = subprocess.Popen(
            [sys.executable, "-m", "local.demo", "--folder", str(folder)],
            cwd=ROOT, env=dict(os.environ), stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_until(lambda: demo.poll() is not None or len(processes_below(folder)) >= 4)
            assert demo.poll() is None, (tmp_path / "output").read_text()
            demo.send_signal(signal.SIGTERM)
            assert demo.wait(PATIENCE_SECONDS) == 130
        finally:
            demo.kill()
            demo.wait()
    assert processes_below(folder) == []
    assert "interrupted; every process that it started was ended" in (tmp_path / "output").read_text()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_console_markup_in_a_proof_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    story = Story(console=Console(width=80), total=1)
    with story.step("a [red] title") as step:
        step.proved('labels ["a"]')
    story.summary(where_next=())
    assert capsys.readouterr().out.count('labels ["a"]') == 2
