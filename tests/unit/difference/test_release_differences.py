"""What differs between two promotions of a model, read from verified records."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.unit.difference.difference_world import FIRST, MODEL, SECOND, DifferenceWorld, make_difference_world
from weighbridge.canonical import Json
from weighbridge.difference import Change, DifferenceReport
from weighbridge.difference.shown import json_of, lines_of, markdown_of
from weighbridge.names import Digest, ReleaseId

UNKNOWN = ReleaseId(sequence=77, digest=Digest.of(b"unknown"))


def inspected(**changes: Json) -> dict[str, Json]:
    return {
        "verdict": "clean",
        "inspected_at": "2026-11-23T12:00:00Z",
        "inspector": {"version": "1", "validators": {"safetensors": "1"}},
        "scanners": [],
        "files": [],
        "excepted": [],
        **changes,
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> DifferenceWorld:
    return make_difference_world(tmp_path_factory.mktemp("difference"))


@pytest.fixture(scope="module")
def ids(world: DifferenceWorld) -> tuple[ReleaseId, ReleaseId]:
    scanner: Json = {"name": "modelaudit", "version": "0.2", "complete": True}
    noted: Json = {"path": "config.json", "verdict": "clean", "rules": ["config.note"]}
    return (
        world.publish("1.0.0", FIRST, inspection=inspected()),
        world.publish(
            "2.0.0", SECOND, licence="apache-2.0", inspection=inspected(scanners=[scanner], files=[noted]), lock="2.0"
        ),
    )


@pytest.fixture(scope="module")
def report(world: DifferenceWorld, ids: tuple[ReleaseId, ReleaseId]) -> DifferenceReport:
    return world.look(*ids)


def test_every_field_that_differs_is_told_and_no_other(report: DifferenceReport) -> None:
    (model,) = report.models
    told = {item.field: (item.before, item.after) for item in model.changes}
    assert told["version"] == ("1.0.0", "2.0.0")
    assert told["licences"] == (["mit"], ["apache-2.0"])
    assert told["metrics.accuracy"] == ("0.79", "0.92")
    assert told["base_model"] == (f"org/base@{'a' * 40}", f"org/base@{'b' * 40}")
    assert told["source_commit"] == ("1" * 40, "2" * 40)
    assert {"release", "release_id", "files", "load_bytes"} <= told.keys()
    # The same on both sides: loss, parameters, image, the other dependency, verdict.
    same = {"metrics.loss", "parameters.learning_rate", "image", "dependencies.safetensors", "inspection"}
    assert not same & told.keys()
    before, after = told["dependencies.numpy"]
    assert str(before).startswith("1.0 (")
    assert str(after).startswith("2.0 (")


def test_lists_tell_what_came_and_what_went(report: DifferenceReport) -> None:
    changes = {item.field: item for item in report.models[0].changes}
    assert changes["datasets"].added == (f"more {Digest.of(b'more')}",)
    assert changes["datasets"].removed == ()
    assert changes["inspected_by"].added == ("scanner modelaudit 0.2",)
    assert changes["inspected_files"].added == ("config.json: config.note",)


def test_what_only_the_job_says_is_marked(report: DifferenceReport) -> None:
    changes = {item.field: item.claimed for item in report.models[0].changes}
    assert changes["metrics.accuracy"]
    assert not changes["release"]


def test_the_same_id_changes_nothing(world: DifferenceWorld, ids: tuple[ReleaseId, ReleaseId]) -> None:
    found = world.look(ids[1], ids[1])
    assert (found.changed, found.models[0].changes, found.models[0].notes) == ((), (), ())


def test_a_newer_head_that_the_deployment_would_not_bring_is_noted(
    world: DifferenceWorld, ids: tuple[ReleaseId, ReleaseId]
) -> None:
    (note,) = world.look(ids[0], ids[0]).models[0].notes
    assert "promotion 2 (2.0.0) is the channel's head" in note


def test_a_first_deployment_and_none_at_all(world: DifferenceWorld, ids: tuple[ReleaseId, ReleaseId]) -> None:
    first = world.look(None, ids[1]).models[0]
    assert first.is_changed
    assert {item.field: item.before for item in first.changes}["version"] is None
    none = world.look(ids[1], None).models[0]
    assert not none.is_changed
    assert "promote a release" in none.notes[0]


def test_what_would_be_refused_is_said_and_counts(world: DifferenceWorld, ids: tuple[ReleaseId, ReleaseId]) -> None:
    found = world.look(ids[0], UNKNOWN).models[0]
    assert found.is_refused
    assert any("would be refused" in note and "no promotion of 'minilm'" in note for note in found.notes)


def test_what_runs_may_be_revoked_and_is_compared_all_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = make_difference_world(tmp_path_factory.mktemp("revoked"))
    before = world.publish("1.0.0", FIRST, inspection=inspected())
    after = world.publish("2.0.0", SECOND, inspection=inspected())
    world.revoke("1.0.0")
    forward, back = world.look(before, after).models[0], world.look(after, before).models[0]
    assert not forward.is_refused
    assert {item.field for item in forward.changes} >= {"version", "metrics.accuracy"}
    assert any("what runs would be refused now" in note and "leaks" in note for note in forward.notes)
    assert back.is_refused
    assert any("go back from promotion 2 to 1" in note for note in back.notes)


def test_a_model_that_cannot_be_read_is_a_failure_beside_the_rest(world: DifferenceWorld) -> None:
    found = world.look(None, None)
    spoiled = replace(found, failures=("other: registry: 503",))
    assert "1 could not be looked at" in list(lines_of(spoiled))[-1]
    assert json_of(spoiled)["failures"] == ["other: registry: 503"]


def test_people_see_the_difference(report: DifferenceReport) -> None:
    lines = list(lines_of(report))
    assert lines[0] == "minilm: 1.0.0 (1) -> 2.0.0 (2)"
    assert "  metrics.accuracy (claimed): 0.79 -> 0.92 (+0.13)" in lines
    assert "    + apache-2.0" in lines
    assert lines[-1] == "1 of 1 models would change on the next deployment"


def test_json_is_whole(report: DifferenceReport) -> None:
    found = json.loads(json.dumps(json_of(report)))
    (model,) = found["models"]
    assert (model["model"], model["changed"], model["refused"]) == (MODEL, True, False)
    assert model["after"]["promoted_by"] == "ann"
    assert {"field": "version", "before": "1.0.0", "after": "2.0.0", "claimed": False} in model["changes"]


def test_nothing_that_a_job_wrote_is_markup_in_a_pull_request(tmp_path_factory: pytest.TempPathFactory) -> None:
    world = make_difference_world(tmp_path_factory.mktemp("markup"))
    before = world.publish("1.0.0", FIRST, inspection=inspected())
    hostile = replace(FIRST, metrics={"x|`<img src=a>": "@everyone | `[a](http://b)`"})
    text = markdown_of(world.look(before, world.publish("2.0.0", hostile, inspection=inspected())))
    (row,) = [line for line in text.splitlines() if "everyone" in line]
    assert row == "| `metrics.x\\|'<img src=a> (claimed)` | `none` | `@everyone \\| '[a](http://b)'` |"
    assert text.startswith("### weighbridge: models of `dev`\n\n1 of 1 models would change")


def test_a_comment_holds_what_a_pull_request_takes(report: DifferenceReport) -> None:
    many = tuple(Change(f"dependencies.package-{number}", "1" * 500, "2" * 500) for number in range(1000))
    long = replace(report, models=tuple(replace(item, changes=many) for item in report.models))
    assert len(markdown_of(long)) < 65_536
    assert "and 880 more (--json lists all)" in markdown_of(long)
    assert "  and 880 more (--json lists all)" in list(lines_of(long))
