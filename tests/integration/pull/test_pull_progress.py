"""What a pull tells while it runs and when it ends."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from weighbridge.pull import PullReport
from weighbridge.pull.progress import ProgressLines, progress_bar, write_metrics

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_a_line_comes_every_few_seconds_only() -> None:
    out, now = io.StringIO(), [0.0]
    lines = ProgressLines(total=1000, out=out, every=5, now=lambda: now[0], clock=lambda: NOW)
    for second, count in ((1, 100), (5, 400), (6, 100), (9, -100), (10, 300)):
        now[0] = float(second)
        lines.advance(count)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["bytes"], line["bytes_total"], line["bytes_per_second"]) for line in found] == [
        (500, 1000, 100),
        (800, 1000, 60),
    ]
    assert {line["event"] for line in found} == {"pulling"}
    assert found[0]["time"] == "2026-11-24T12:00:00Z"


def test_the_metrics_are_one_line_in_the_embedded_metric_format() -> None:
    out = io.StringIO()
    report = PullReport(
        files=3, bytes=1000, bytes_kept=100, faults=2, seconds=1.23456, bytes_local=200, bytes_regional=600, requests=7
    )
    write_metrics(report, model="minilm", version="1.0.0", out=out, clock=lambda: NOW)
    (text,) = out.getvalue().splitlines()
    line = json.loads(text)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] == int(NOW.timestamp() * 1000)
    assert directive["Namespace"] == "weighbridge"
    assert all(name in line for dimensions in directive["Dimensions"] for name in dimensions)
    assert {metric["Name"]: line[metric["Name"]] for metric in directive["Metrics"]} == {
        "PulledBytes": 1000,
        "PullSeconds": 1.235,
        "PullRetries": 2,
        "BytesFromRegistry": 100,
        "BytesFromRegionalCache": 600,
        "BytesFromLocalCache": 200,
    }
    assert line["Source"] == "regional-cache"


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_is_shown_on_a_terminal_only(terminal: bool) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100)
    with progress_bar(total=1000, console=console) as advance:
        advance(600)
        advance(-100)
    assert ("pulling" in out.getvalue()) is terminal
