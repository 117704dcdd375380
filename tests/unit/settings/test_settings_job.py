"""The section `training.job`: read into checked values, and one line for each thing that SageMaker cannot run."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighbridge.errors import SettingsError
from weighbridge.jobs.compute import Compute
from weighbridge.settings import EnvironmentSettings, load_settings

ROOT = Path(__file__).resolve().parents[3]
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "dev.yaml").read_text(encoding="utf-8"))
JOB: dict[str, Any] = {"image": f"registry.example.com/train@sha256:{'1' * 64}", "instance_type": "ml.g5.12xlarge"}


def load(folder: Path, job: dict[str, Any] | None) -> EnvironmentSettings:
    document = copy.deepcopy(GOOD)
    document["training"]["job"] = job
    path = folder / "dev.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_settings(path)


def test_the_section_is_read_with_its_defaults(tmp_path: Path) -> None:
    training = load(tmp_path, JOB).training
    assert training is not None
    assert training.job is not None
    assert training.job.compute == Compute(instance_type="ml.g5.12xlarge")
    assert (training.job.image, training.job.channels, training.job.docker_username) == (JOB["image"], {}, None)


def test_everything_may_be_said(tmp_path: Path) -> None:
    said = {
        "instance_count": 2, "distribution": "mpi", "spot": True, "checkpoints": True, "max_runtime_seconds": 60,
        "max_wait_seconds": 90,
    }  # fmt: skip
    more = {"channels": {"train": "train/", "test": "2026/test/"}, "docker_username": "trainer"}
    training = load(tmp_path, {**JOB, **said, **more}).training
    assert training is not None
    assert training.job is not None
    assert training.job.compute == Compute(instance_type="ml.g5.12xlarge", **said)
    assert training.job.channels == more["channels"]
    assert training.job.docker_username == "trainer"


def test_an_environment_may_start_no_jobs(tmp_path: Path) -> None:
    training = load(tmp_path, None).training
    assert training is not None
    assert training.job is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instance_type": "ml.g5.huge"}, "training.job.instance_type: 'ml.g5.huge' is not an instance type of SageMaker training jobs: use one such as ml.g5"),
        ({"instance_type": "ml.inf2.xlarge"}, "but of endpoints alone"),
        ({"volume_gb": 50}, "training.job.volume_gb: ml.g5.12xlarge trains on NVMe disks of its own, whose size is fixed: remove it"),
        ({"efa": True, "instance_count": 2, "instance_type": "ml.c6i.xlarge"}, "training.job.efa: ml.c6i.xlarge is not known"),
        ({"distribution": "torchrun", "instance_type": "ml.c6i.xlarge"}, "training.job.distribution: ml.c6i.xlarge has no accelerator"),
        ({"distribution": "ray"}, "training.job.distribution: 'ray' is not known: give one of torchrun, mpi"),
        ({"spot": True}, "training.job.spot: without checkpoints"),
        ({"spot": True, "checkpoints": True, "keep_alive_seconds": 60}, "training.job.keep_alive_seconds: spot instances"),
        ({"max_wait_seconds": 90}, "training.job.max_wait_seconds: only spot jobs wait"),
        ({"image": "train:latest"}, "training.job.image: 'train:latest' is not an image by digest"),
        ({"channels": {"train": "../train/"}}, "training.job.channels.train: '../train/' is not a folder below input/"),
        ({"channels": {"a b": "train/"}}, "training.job.channels.a b: is no name of a channel"),
        ({"spots": True}, "training.job.spots: unknown key"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, {**JOB, **changes})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
