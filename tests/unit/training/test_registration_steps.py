"""The registrar step by step: registered is not published, a repetition changes nothing, and what failed is said plainly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from registrar_world import RegistrarWorld, job

from tests.unit.registration.memory_registry import INCOMING
from weighbridge.errors import ConflictError, InputError, NothingPromotedError, RegistryUnavailableError
from weighbridge.registration.described_job import DescribedJob
from weighbridge.registration.pipeline import Step, StepAnswer, publish_step, register_step, tell_step


@pytest.fixture
def world(tmp_path: Path) -> RegistrarWorld:
    return RegistrarWorld(tmp_path)


def register(world: RegistrarWorld, described: DescribedJob | None = None) -> StepAnswer:
    return register_step(
        job=described or job(), incoming=INCOMING, registrar=world.registrar(), notices=world.told
    )  # fmt: skip


def publish(world: RegistrarWorld, described: DescribedJob | None = None) -> StepAnswer:
    return publish_step(job=described or job(), incoming=INCOMING, registrar=world.registrar(), notices=world.told)


def step(**fields: object) -> Step:
    found = Step.read({"training_job": "minilm-1", **fields})
    assert found is not None
    return found


def test_registered_is_not_published_and_publishing_makes_it_the_head(world: RegistrarWorld) -> None:
    world.train()
    registered = register(world)
    assert (registered["outcome"], registered["model"], registered["version"]) == ("registered", "minilm", "1.0.0")
    with pytest.raises(NothingPromotedError):
        world.state().head("minilm")
    published = publish(world)
    assert published["outcome"] == "published"
    assert published["release_id"] == str(world.state().head("minilm").release_id)
    assert published["reference"] == registered["reference"]
    assert world.told.notices == []


def test_each_step_again_makes_one_release_and_one_promotion(world: RegistrarWorld) -> None:
    world.train()
    assert [register(world)["outcome"] for _ in range(3)] == ["registered"] * 3
    assert [publish(world)["outcome"] for _ in range(3)] == ["published", *["already-published"] * 2]
    assert len(world.releases()) == 1
    assert len(world.state().promotions("minilm")) == 1


def test_an_event_beside_the_state_machine_registers_nothing_twice(world: RegistrarWorld) -> None:
    world.train()
    register(world)
    assert world.complete().outcome == "published"
    assert publish(world)["outcome"] == "already-published"
    assert len(world.releases()) == len(world.state().promotions("minilm")) == 1


def test_a_step_after_a_later_version_leaves_the_head(world: RegistrarWorld) -> None:
    world.train()
    register(world)
    publish(world)
    world.train(version="1.1.0", weights=b"v" * 3000)
    later = job(parameters={"model_name": "minilm", "model_version": "1.1.0"})
    register(world, later)
    publish(world, later)
    assert publish(world)["outcome"] == "already-published"
    assert world.state().head("minilm").version == "1.1.0"


def test_what_the_job_lost_is_told_once_and_not_raised(world: RegistrarWorld) -> None:
    world.train(lost=("model.safetensors",))
    answer = register(world)
    assert answer["outcome"] == "told"
    (notice,) = world.told.notices
    assert "model.safetensors" in notice.text
    assert "start a training job again" in notice.text


def test_a_failed_job_and_a_foreign_one_register_nothing(world: RegistrarWorld) -> None:
    failed = register(world, job(status="Failed", failure="AlgorithmError: CUDA out of memory, exit code: 1"))
    assert failed["outcome"] == "told"
    assert "CUDA out of memory" in world.told.notices[0].text
    foreign = job(environment={}, tags={})
    assert register(world, foreign)["outcome"] == publish(world, foreign)["outcome"] == "ignored"
    with pytest.raises(ConflictError, match="is InProgress"):
        register(world, job(status="InProgress"))
    assert len(world.told.notices) == 1


def test_what_is_nobodys_fault_is_raised_without_a_word_so_that_the_step_is_repeated(
    world: RegistrarWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.train()

    def down(*_: object, **__: object) -> None:
        raise RegistryUnavailableError("no answer")

    registrar = world.registrar()
    for door in ("register", "publish"):
        monkeypatch.setattr(type(registrar), door, down)
    for run in (register_step, publish_step):
        with pytest.raises(RegistryUnavailableError):
            run(job=job(), incoming=INCOMING, registrar=registrar, notices=world.told)
    assert world.told.notices == []


def test_a_channel_whose_policy_forbids_the_base_is_told(tmp_path: Path) -> None:
    world = RegistrarWorld(tmp_path, base_owners=("sentence-transformers",))
    world.train()
    register(world)
    answer = publish(world)
    assert answer["outcome"] == "told"
    (notice,) = world.told.notices
    assert "registered, but could not be published" in notice.text


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (json.dumps({"errorType": "RegistryUnavailableError", "errorMessage": "registry: no answer"}), "registry: no answer"),
        (json.dumps({"FailureReason": "AlgorithmError: x"}), "AlgorithmError: x"),
        ("Task timed out after 900 seconds", "Task timed out after 900 seconds"),
        (None, "States.Timeout"),
        ("[1]", "[1]"),
    ],
)  # fmt: skip
def test_what_was_caught_is_told_without_its_wrapping(world: RegistrarWorld, cause: str | None, reason: str) -> None:
    asked = step(step="tell", failure={"Error": "States.Timeout", "Cause": cause})
    answer = tell_step(step=asked, job=job(), notices=world.told)
    assert answer["detail"] == reason
    (notice,) = world.told.notices
    assert f"Why: {reason}\n" in notice.text
    assert "redrives" in notice.text
    assert notice.owner == "ann"


def test_the_reason_of_a_failed_job_is_sagemakers_own(world: RegistrarWorld) -> None:
    failed = job(status="Failed", failure="AlgorithmError: CUDA out of memory, exit code: 1")
    asked = step(step="tell", failure={"Error": "States.TaskFailed", "Cause": "{}"})
    tell_step(step=asked, job=failed, notices=world.told)
    (notice,) = world.told.notices
    assert notice.subject == "weighbridge: training job minilm-1 failed"
    assert "Why: AlgorithmError: CUDA out of memory, exit code: 1" in notice.text


def test_a_job_that_was_never_started_is_told_with_the_refusal(world: RegistrarWorld) -> None:
    asked = step(step="tell", failure={"Error": "SageMaker.ResourceLimitExceeded", "Cause": "quota ml.p5 is 0"})
    tell_step(step=asked, job=None, notices=world.told)
    (notice,) = world.told.notices
    assert "was not started" in notice.subject
    assert "quota ml.p5 is 0" in notice.text
    assert notice.owner is None


def test_what_the_inspector_blocked_is_told_with_its_words(world: RegistrarWorld) -> None:
    failure = {"Error": "weighbridge.blocked", "Cause": "1 files are blocked: model.pkl: inspect.pickle"}
    tell_step(step=step(step="tell", failure=failure), job=job(), notices=world.told)
    (notice,) = world.told.notices
    assert "blocked by the inspector" in notice.subject
    assert "Why: 1 files are blocked: model.pkl: inspect.pickle" in notice.text


def test_an_event_is_no_step_and_an_unknown_step_is_refused() -> None:
    assert Step.read({"detail-type": "SageMaker Training Job State Change"}) is None
    with pytest.raises(InputError, match="step: 'sign' is not known"):
        Step.read({"step": "sign", "training_job": "minilm-1"})
    for name in (None, "../x", "a b"):
        with pytest.raises(InputError, match=r"training_job: .* is no name of a training job"):
            Step.read({"step": "publish", "training_job": name})
