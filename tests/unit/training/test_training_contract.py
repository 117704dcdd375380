"""What a job reads below /opt/ml, and from SM_* variables where toolkits leave nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from training_world import environ, read_job, write_job

from weighbridge.errors import InputError
from weighbridge.training import TrainingJob


def test_values_that_an_older_sdk_quotes_are_unquoted(tmp_path: Path) -> None:
    root = write_job(tmp_path / "ml", hyperparameters={"model_name": '"minilm"', "epochs": "3", "empty": ""})
    assert read_job(root).hyperparameters == {"model_name": "minilm", "epochs": "3", "empty": ""}


def test_variables_stand_in_for_the_files(tmp_path: Path) -> None:
    variables = {
        "WEIGHBRIDGE_ML_ROOT": str(tmp_path),
        "SM_HPS": json.dumps({"epochs": 3, "name": "x"}),
        "SM_CHANNEL_TRAIN": "/data/train",
    }
    job = TrainingJob.read(variables)
    assert job.hyperparameters == {"epochs": "3", "name": "x"}
    assert job.channels == {"train": Path("/data/train")}
    assert job.arn is None
    assert job.first_process


@pytest.mark.parametrize("name", ["hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"])
@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_malformed_file_is_named(tmp_path: Path, name: str, content: str) -> None:
    root = write_job(tmp_path / "ml")
    (root / "input" / "config" / name).write_text(content)
    with pytest.raises(InputError, match=name):
        read_job(root)


def test_a_missing_channel_names_those_that_there_are(tmp_path: Path) -> None:
    job = read_job(write_job(tmp_path / "ml"))
    with pytest.raises(InputError, match=r"'validation': not given to this job \(channels: test, train\)"):
        job.channel_file(channel="validation", name="x")
    with pytest.raises(InputError, match=r"holds no file 'x\.jsonl'"):
        job.channel_file(channel="train", name="x.jsonl")


@pytest.mark.parametrize(
    ("host", "variables", "first"),
    [("algo-1", {}, True), ("algo-2", {}, False), ("algo-1", {"RANK": "3"}, False), ("algo-1", {"RANK": "0"}, True)],
)
def test_one_process_of_a_distributed_training_is_the_first(
    tmp_path: Path, host: str, variables: dict[str, str], first: bool
) -> None:
    root = write_job(tmp_path / "ml")
    path = root / "input" / "config" / "resourceconfig.json"
    path.write_text(json.dumps({"current_host": host, "hosts": ["algo-2", "algo-1"]}))
    assert TrainingJob.read(environ(root, **variables)).first_process is first
