"""One correlation id in every line about a promotion, made of the release id alone; and metrics in the lines that measure."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.unit.serving.serving_fakes import NOW, FakeChain, Run, environ_for, make_release, make_run
from weighbridge.errors import RegistryUnavailableError, RevokedError
from weighbridge.logs import CORRELATION, JsonLog, correlation, correlation_id
from weighbridge.metrics import CONTAINER_REFUSALS, LOAD_MILLISECONDS, LOADS, VERIFIED_BYTES
from weighbridge.names import Digest, ReleaseId
from weighbridge.pull.engine import PullReport
from weighbridge.pull.progress import ProgressLines, write_metrics
from weighbridge.resolution import LoggedAlarms, Scope
from weighbridge.serving import serve

RELEASE_ID = ReleaseId.parse("3@sha256:" + "c" * 64)
ID = "c" * 16
ABOUT = {"Channel": "prod", "Model": "minilm"}


def lines(text: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.getvalue().splitlines()]


def container(folder: Path, *, refusal: Exception | None = None, **environ: str | None) -> Run:
    """A container's start, to its end."""
    release = make_release(folder / "source")
    chain = FakeChain(release=release, source=folder / "source")
    chain.refusal = refusal
    run = make_run(environ=environ_for(release, ml_root=folder / "ml", **environ), chain=chain)
    serve(arguments=("serve",), default_command=("true",), outside=run.outside)
    return run


def test_the_id_is_of_the_promotion_not_of_the_release() -> None:
    other = ReleaseId(sequence=3, digest=Digest.of(b"the same release, promoted again"))
    assert correlation_id(RELEASE_ID) == ID
    assert correlation_id(other) != ID
    assert correlation(str(RELEASE_ID)) == correlation(RELEASE_ID) == {CORRELATION: ID}


@pytest.mark.parametrize("value", [None, "", "newest", 3, {"a": 1}])
def test_what_is_no_release_id_adds_no_field(value: object) -> None:
    out = io.StringIO()
    JsonLog(out=out, err=out).correlated(value).event("asked")
    assert CORRELATION not in lines(out)[0]


def test_a_correlated_log_leaves_the_one_it_came_from_alone() -> None:
    out = io.StringIO()
    log = JsonLog(out=out, err=out)
    log.correlated(RELEASE_ID).error("refused", rule="refused.x", message="no")
    log.event("next")
    assert [line.get(CORRELATION) for line in lines(out)] == [ID, None]


def test_every_line_of_a_start_bears_it_and_the_receipt_too(tmp_path: Path) -> None:
    run = container(tmp_path)
    told = run.events()
    assert [line["event"] for line in told] == ["verifying", "pulling", "loaded"]
    assert {line[CORRELATION] for line in told} == {ID}
    receipt = json.loads((tmp_path / "ml" / "output" / "load-receipt.json").read_text())
    assert receipt[CORRELATION] == ID


def test_a_refusal_bears_it_and_is_counted(tmp_path: Path) -> None:
    line = container(tmp_path, refusal=RevokedError("revoked")).refusal()
    assert (line[CORRELATION], line["rule"], line[CONTAINER_REFUSALS]) == (ID, "refused.revoked", 1)
    assert measured(line) == {CONTAINER_REFUSALS}
    assert ABOUT.items() <= line.items()


@pytest.mark.parametrize("missing", ["WEIGHBRIDGE_PROMOTION", "WEIGHBRIDGE_CHANNEL", "WEIGHBRIDGE_RELEASE"])
def test_a_refusal_without_settings_is_still_one_line(tmp_path: Path, missing: str) -> None:
    assert missing in str(container(tmp_path, **{missing: None}).refusal()["message"])


def test_a_start_is_measured_once_it_is_verified(tmp_path: Path) -> None:
    loaded = container(tmp_path).events()[-1]
    assert measured(loaded) == {LOADS, LOAD_MILLISECONDS, VERIFIED_BYTES}
    assert (loaded[VERIFIED_BYTES], loaded[LOADS]) == (loaded["bytes"], 1)
    assert ABOUT.items() <= loaded.items()
    failed = container(tmp_path / "again", refusal=RegistryUnavailableError("down"))
    assert [line["event"] for line in failed.events()] == ["verifying"]


def test_a_pulls_lines_bear_it() -> None:
    out, about = io.StringIO(), correlation(RELEASE_ID)
    moments = iter((0.0, 10.0))
    ProgressLines(total=10, out=out, now=lambda: next(moments), about=about).advance(5)
    report = PullReport(files=1, bytes=10, bytes_kept=0, faults=0, seconds=1.0)
    write_metrics(report, model="minilm", version="1.0.0", out=out, about=about)
    assert [(line["event"], line[CORRELATION]) for line in lines(out)] == [("pulling", ID), ("pulled", ID)]


def test_an_alarm_bears_it() -> None:
    out = io.StringIO()
    alarms = LoggedAlarms(out=out, clock=lambda: NOW)
    alarms.ring("revoked", scope=Scope(channel="prod", model="minilm"), release_id=RELEASE_ID, message="leaks")
    assert lines(out)[0][CORRELATION] == ID


def measured(line: dict[str, object]) -> set[str]:
    """The names that CloudWatch makes metrics of; each has its value in the line."""
    directives = line["_aws"]["CloudWatchMetrics"]  # type: ignore[index]
    names = {item["Name"] for directive in directives for item in directive["Metrics"]}
    assert names <= line.keys()
    return names
