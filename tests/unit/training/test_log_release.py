"""Logging what a training made: everything that is known of it, read back, and a pointer left instead of the weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from training_world import ARN, INCOMING, REVISION, Lines, MemoryTrainingRegistry, environ, read_job, write_job

from tests.unit.registration.memory_registry import MemoryFrogml, MemoryRegistry
from weighbridge.errors import InputError, IntegrityError
from weighbridge.names import Digest
from weighbridge.registration import JOB_RECORD_PATH, parse_job_record
from weighbridge.release import BaseModel
from weighbridge.training import TrainedModel, log_release
from weighbridge.training.log import digest_of, log_model

COMMIT = "c" * 40
FOLDER = "models/minilm/1.0.0"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_job(tmp_path / "ml")


@pytest.fixture
def model(tmp_path: Path) -> TrainedModel:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    data = tmp_path / "data"
    data.mkdir()
    (data / "b.txt").write_bytes(b"two")
    (data / "a.txt").write_bytes(b"one")
    return TrainedModel(
        name="minilm",
        version="1.0.0",
        folder=folder,
        base_model=BaseModel(repository="org/tiny", revision=REVISION),
        datasets={"train": data, "test": Digest.of(b"test")},
        parameters={"learning_rate": 0.0002, "optimizer": "AdamW (fused)"},
        metrics={"accuracy_before": "0.7911", "accuracy_after": "0.9241"},
    )


def log(model: TrainedModel, *, root: Path, registry: MemoryRegistry, storage: MemoryFrogml) -> None:
    log_model(
        model,
        job=read_job(root),
        registry=MemoryTrainingRegistry(registry),
        source_commit=COMMIT,
        log=Lines().log,
        storage=storage,
    )


def test_the_record_says_all_that_the_job_knows(root: Path, model: TrainedModel) -> None:
    registry = MemoryRegistry()
    log(model, root=root, registry=registry, storage=MemoryFrogml(registry))
    record = parse_job_record(registry.files[INCOMING, f"{FOLDER}/{JOB_RECORD_PATH}"])
    listing = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in (("a.txt", b"one"), ("b.txt", b"two"))
    )
    assert record.base_model == model.base_model
    assert {item.name: item.digest for item in record.datasets} == {
        "train": Digest.of(listing.encode()),
        "test": Digest.of(b"test"),
    }
    assert record.parameters == {"learning_rate": "0.0002", "optimizer": "AdamW (fused)"}
    assert record.metrics == {"accuracy_before": "0.7911", "accuracy_after": "0.9241"}
    assert record.training_job == ARN
    assert record.source_commit == COMMIT


def test_only_a_small_pointer_stays_in_the_model_folder(root: Path, model: TrainedModel) -> None:
    registry = MemoryRegistry()
    log(model, root=root, registry=registry, storage=MemoryFrogml(registry))
    (left,) = (root / "model").iterdir()
    pointer = json.loads(left.read_text())
    record = registry.files[INCOMING, f"{FOLDER}/{JOB_RECORD_PATH}"]
    assert pointer == {
        "schema": "weighbridge.pointer/v1",
        "repository": INCOMING,
        "name": "minilm",
        "version": "1.0.0",
        "files": 2,
        "bytes": len(record) + len(b"weights"),
        "job_record": f"sha256:{hashlib.sha256(record).hexdigest()}",
    }


def test_what_frogml_lost_is_an_error_and_leaves_no_pointer(root: Path, model: TrainedModel) -> None:
    registry = MemoryRegistry()
    with pytest.raises(IntegrityError, match="cannot be read back"):
        log(model, root=root, registry=registry, storage=MemoryFrogml(registry, lost=("model.safetensors",)))
    assert list((root / "model").iterdir()) == []


def test_what_arrives_changed_is_an_error(root: Path, model: TrainedModel) -> None:
    registry = MemoryRegistry()
    registry.arriving[INCOMING, f"{FOLDER}/model.safetensors"] = b"weightz"
    with pytest.raises(IntegrityError):
        log(model, root=root, registry=registry, storage=MemoryFrogml(registry))
    assert list((root / "model").iterdir()) == []


def test_a_restarted_job_completes_what_it_logged_before(root: Path, model: TrainedModel) -> None:
    registry = MemoryRegistry()
    storage = MemoryFrogml(registry)
    log(model, root=root, registry=registry, storage=storage)
    (root / "model" / "weighbridge-pointer.json").unlink()
    log(model, root=root, registry=registry, storage=storage)
    assert storage.calls == 1
    assert (root / "model" / "weighbridge-pointer.json").is_file()


def test_other_processes_of_a_distributed_training_log_nothing(root: Path, model: TrainedModel) -> None:
    lines = Lines()
    assert log_release(model, environ=environ(root, RANK="1"), log=lines.log) is None
    assert [event["event"] for event in lines.events()] == ["not-logged"]


def test_a_missing_variable_is_named(root: Path, model: TrainedModel) -> None:
    with pytest.raises(InputError, match="WEIGHBRIDGE_REGISTRY_URL: not set"):
        log_release(model, environ=environ(root), log=Lines().log)


def test_a_dataset_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: is neither a file nor a folder"):
        digest_of(tmp_path / "nowhere")
