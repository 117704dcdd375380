"""A training job as SageMaker sees it: exit status, failure file, and nothing claimed that is not so."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from training_world import Lines, environ, write_job

from weighbridge.errors import IntegrityError
from weighbridge.training import TrainingJob, run_job


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_job(tmp_path / "ml")


def failure(root: Path) -> str:
    return (root / "output" / "failure").read_text()


def run(root: Path, body: object, *, arguments: tuple[str, ...] = ("train",)) -> tuple[int, Lines]:
    lines = Lines()
    left: list[int] = []
    status = run_job(
        arguments=arguments, environ=environ(root), log=lines.log, body=body, leave=left.append  # type: ignore[arg-type]
    )  # fmt: skip
    assert left == ([143] if status == 143 else [])
    return status, lines


def test_a_job_that_ends_well_is_0_and_leaves_no_failure(root: Path) -> None:
    seen: list[TrainingJob] = []
    status, lines = run(root, seen.append)
    assert status == 0
    assert seen[0].hyperparameters["model_name"] == "minilm"
    assert seen[0].channels["train"] == root / "input" / "data" / "train"
    assert not (root / "output").exists()
    assert lines.errors() == []


def test_what_cannot_be_read_back_fails_the_job_with_one_line(root: Path) -> None:
    def body(_: TrainingJob) -> None:
        raise IntegrityError("incoming/models/minilm/1.0.0: 1 files are not there\nas they were sent")

    status, lines = run(root, body)
    assert status == 4
    assert failure(root) == (
        "incoming/models/minilm/1.0.0: 1 files are not there as they were sent [refused.integrity]\n"
    )
    (error,) = lines.errors()
    assert error["rule"] == "refused.integrity"
    assert error["level"] == "error"


def test_a_bug_fails_the_job_and_names_its_place(root: Path) -> None:
    def body(_: TrainingJob) -> None:
        raise ZeroDivisionError("division by zero")

    status, lines = run(root, body)
    assert status == 1
    assert "ZeroDivisionError: division by zero (in body, line" in failure(root)
    assert len(lines.errors()) == 1


def test_sigterm_ends_the_job_without_a_claim(root: Path) -> None:
    def body(_: TrainingJob) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the job went on")

    before = signal.getsignal(signal.SIGTERM)
    status, lines = run(root, body)
    assert status == 143
    assert "stopped by SIGTERM: no release comes of this job" in failure(root)
    assert [error["rule"] for error in lines.errors()] == ["training.stopped"]
    assert list((root / "model").iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("arguments", [(), ("serve",), ("train", "more")])
def test_the_container_knows_train_only(root: Path, arguments: tuple[str, ...]) -> None:
    status, _ = run(root, lambda _: None, arguments=arguments)
    assert status == 2
    assert "knows 'train' only" in failure(root)


def test_a_failure_is_cut_where_sagemaker_cuts_it(root: Path) -> None:
    def body(_: TrainingJob) -> None:
        raise RuntimeError("x" * 5000)

    run(root, body)
    assert len(failure(root)) == 1025


def test_a_bad_root_is_told_without_a_file(tmp_path: Path) -> None:
    lines = Lines()
    status = run_job(arguments=["train"], environ={"WEIGHBRIDGE_ML_ROOT": "ml"}, log=lines.log, body=lambda _: None)
    assert status == 2
    assert "WEIGHBRIDGE_ML_ROOT" in str(lines.errors()[0]["message"])
