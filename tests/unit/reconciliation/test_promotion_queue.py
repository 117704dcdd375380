"""Who waits before a channel, and what runs: counted, a line each, and no reason to fail the reconciler."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime

import pytest
from guard_world import ACCEPTED, NOW
from running_world import FakeSageMaker, look, promotion, state

from weighbridge.errors import NothingPromotedError, RegistryForbiddenError
from weighbridge.logs import JsonLog
from weighbridge.metrics import RUNNING_PROMOTION, UNPROMOTED_RELEASES
from weighbridge.names import Digest
from weighbridge.reconciliation import PromotionQueue, unpromoted
from weighbridge.reconciliation.gauge import show_running
from weighbridge.trust import ChannelState, Promotion

MODEL = "minilm"


def release(number: int) -> Digest:
    return Digest.of(f"release {number}".encode())


def source(*numbers: int, **changes: bool) -> ChannelState:
    return state(*(promotion(number, release=release(number)) for number in numbers), **changes)


def taken(sequence: int, *, of: Promotion) -> Promotion:
    return replace(promotion(sequence, release=of.release), source="staging", source_id=of.release_id)


def versions(found: tuple[Promotion, ...]) -> list[str]:
    return [item.version for item in found]


def test_what_was_promoted_after_the_last_that_was_taken_over_waits() -> None:
    before = source(1, 2, 3, 4)
    assert versions(unpromoted(before, state(taken(1, of=before.records[2])), model=MODEL)) == ["3.0.0", "4.0.0"]
    assert unpromoted(before, state(taken(1, of=before.records[4])), model=MODEL) == ()


def test_before_a_channel_without_the_model_everything_waits_once() -> None:
    before = state(*(promotion(number, release=release(1)) for number in (1, 2)))
    assert versions(unpromoted(before, None, model=MODEL)) == ["1.0.0"]


def test_what_is_revoked_or_came_another_way_does_not_wait() -> None:
    before = state(promotion(1), promotion(2, release=release(2)), revoked=True)
    assert versions(unpromoted(before, None, model=MODEL)) == ["2.0.0"]
    assert unpromoted(before, state(promotion(7, release=release(2))), model=MODEL) == ()


def test_a_line_for_each_model_and_an_error_for_what_cannot_be_read() -> None:
    out, err = io.StringIO(), io.StringIO()

    def read(model: str, _: datetime) -> ChannelState:
        if model == "closed":
            raise RegistryForbiddenError("403")
        if model == "new":
            raise NothingPromotedError("nothing")
        return source(1, 2)

    def own(model: str, _: datetime) -> ChannelState:
        raise NothingPromotedError("nothing")

    queue = PromotionQueue(models=[MODEL, "closed", "new"], source=read, target=own)
    queue.show(channel="prod", log=JsonLog(out=out, err=err), at=NOW)
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["Channel"], line["Model"], line[UNPROMOTED_RELEASES]) for line in told] == [
        ("prod", MODEL, 2),
        ("prod", "new", 0),
    ]
    assert told[0]["versions"] == "1.0.0,2.0.0"
    assert json.loads(err.getvalue())["message"] == "closed: 403"


def test_what_runs_is_told_with_version_digest_and_correlation_id() -> None:
    out = io.StringIO()
    report = look(FakeSageMaker())
    show_running(report, environment="prod", log=JsonLog(out=out, err=out), at=NOW)
    line = json.loads(out.getvalue())
    assert (line["event"], line["Environment"], line["Endpoint"], line["place"]) == (
        "running",
        "prod",
        MODEL,
        "primary",
    )
    assert (line["version"], line["release"]) == (ACCEPTED.version, str(ACCEPTED.release))
    assert (line[RUNNING_PROMOTION], line["correlation_id"]) == (
        ACCEPTED.release_id.sequence,
        ACCEPTED.release_id.digest.hex[:16],
    )


@pytest.mark.parametrize("environment", [{}, {"WEIGHBRIDGE_RELEASE": "mine"}])
def test_what_names_no_release_is_a_finding_and_not_what_runs(environment: dict[str, str]) -> None:
    models = {"model": {"PrimaryContainer": {"Image": "mine", "Environment": environment}}}
    assert look(FakeSageMaker(models=models)).running == ()
