"""The training container's entry point as a process: the real frogml and huggingface_hub against registry and hub."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.training.build_dataset import write as write_dataset
from local.hub.process import HubProcess
from local.process import ROOT, environment_python
from local.registry.fault import Fault
from local.registry.process import RegistryProcess
from local.registry.standard import HUB, INCOMING, USERS, standard_config
from tests.unit.encoder.tiny_bert import write_tiny_bert
from tests.unit.training.training_world import ARN, write_job
from weighbridge.errors import RegistryNotFoundError
from weighbridge.names import Digest
from weighbridge.registration import JOB_RECORD_PATH, parse_job_record
from weighbridge.registry import ArtifactoryClient, StaticToken
from weighbridge.release import BaseModel

pytestmark = pytest.mark.twin
REAL_MODEL = ROOT / ".build" / "models" / "all-MiniLM-L6-v2"


@dataclass
class World:
    registry: RegistryProcess
    hub: HubProcess

    def environ(self, root: Path) -> dict[str, str]:
        (root / "home").mkdir(exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(root / "home"),
            "PYTHONPATH": str(ROOT),
            "WEIGHBRIDGE_ML_ROOT": str(root),
            "WEIGHBRIDGE_REGISTRY_URL": self.registry.url,
            "WEIGHBRIDGE_HUB_REPOSITORY": HUB,
            "WEIGHBRIDGE_INCOMING_REPOSITORY": INCOMING,
            "JF_ACCESS_TOKEN": self.registry.token("scientist"),
            "TRAINING_JOB_ARN": ARN,
        }

    def start(self, root: Path) -> subprocess.Popen[str]:
        command = [environment_python("hub"), ROOT / "containers" / "training" / "entrypoint.py", "train"]
        return subprocess.Popen(
            command, env=self.environ(root), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root
        )

    def run(self, root: Path) -> tuple[int, list[dict[str, object]], str]:
        process = self.start(root)
        out, err = process.communicate(timeout=240)
        return process.returncode, [json.loads(line) for line in out.splitlines()], err

    def client(self) -> ArtifactoryClient:
        return ArtifactoryClient(url=self.registry.url, tokens=StaticToken(token=self.registry.token("scientist")))

    def hyperparameters(self, **more: str) -> dict[str, str]:
        return {
            "base_repository": self.hub.repository,
            "base_revision": self.hub.revision,
            "model_name": "minilm",
            "model_version": "1.0.0",
            **more,
        }


def world(folder: Path, *, model: Path) -> Iterator[World]:
    tokens = {name: f"{name}-token" for name in USERS}
    with HubProcess(folder=model, repository="acme/encoder", log=folder / "hub.log") as hub:
        config = standard_config(hub_url=hub.url, tokens=tokens)
        with RegistryProcess(folder=folder / "registry", config=config) as registry:
            yield World(registry=registry, hub=hub)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[World]:
    yield from world(tmp_path, model=write_tiny_bert(tmp_path / "base"))


def failure(root: Path) -> str:
    return (root / "output" / "failure").read_text()


@pytest.mark.skipif(not REAL_MODEL.is_dir(), reason="the pretrained model is set up by `make test` and `make demo`")
def test_fine_tuning_the_real_model_beats_it_on_texts_that_it_never_saw(tmp_path: Path) -> None:
    root = write_job(tmp_path / "ml")
    for name in ("train", "test"):
        (root / "input" / "data" / name / f"{name}.jsonl").unlink()
    digests = write_dataset(tmp_path / "data")
    for name in ("train", "test"):
        (tmp_path / "data" / f"{name}.jsonl").rename(root / "input" / "data" / name / f"{name}.jsonl")
    for there in world(tmp_path, model=REAL_MODEL):
        hyperparameters = there.hyperparameters(epochs="3", seed="1")
        (root / "input" / "config" / "hyperparameters.json").write_text(json.dumps(hyperparameters))
        status, events, err = there.run(root)
        assert status == 0, err
        data = there.client().read(repository=INCOMING, path=f"models/minilm/1.0.0/{JOB_RECORD_PATH}", limit=1_000_000)
        record = parse_job_record(data)
        assert record.base_model == BaseModel(repository="acme/encoder", revision=there.hub.revision)
        assert {item.name: item.digest for item in record.datasets} == {
            name: Digest(digests[f"{name}.jsonl"]) for name in ("train", "test")
        }
        assert record.training_job == ARN
        figures = {name: float(value) for name, value in record.metrics.items()}
        assert figures["accuracy_after"] > figures["accuracy_before"] + 0.05
        assert figures["accuracy_before"] > figures["accuracy_zero_shot"]
        pointer = json.loads((root / "model" / "weighbridge-pointer.json").read_text())
        assert pointer["job_record"] == str(Digest.of(data))
        assert sum(path.stat().st_size for path in (root / "model").iterdir()) < 1000
        assert err == "", "what is no error does not stand among the errors"
        epochs = [event for event in events if event["event"] == "epoch"]
        assert [event["epoch"] for event in epochs] == [1, 2, 3]
        losses = [event["loss"] for event in epochs]
        assert losses == sorted(losses, reverse=True)


def weights_of(there: World, root: Path, **hyperparameters: str) -> str:
    (root / "input" / "config" / "hyperparameters.json").write_text(
        json.dumps(there.hyperparameters(**hyperparameters))
    )
    status, _, err = there.run(root)
    assert status == 0, err
    version = hyperparameters["model_version"]
    info = there.client().info(repository=INCOMING, path=f"models/minilm/{version}/classifier.safetensors")
    assert info.sha256 is not None
    return info.sha256


def test_weights_follow_from_hyperparameters_alone(tiny: World, tmp_path: Path) -> None:
    same, again, other = (
        weights_of(tiny, write_job(tmp_path / version), model_version=version, seed=seed, epochs="2")
        for version, seed in (("1.0.0", "1"), ("1.0.1", "1"), ("1.0.2", "2"))
    )
    assert same == again != other


def test_a_file_that_frogml_lost_fails_the_job(tiny: World, tmp_path: Path) -> None:
    root = write_job(tmp_path / "ml", hyperparameters=tiny.hyperparameters())
    tiny.registry.add_fault(Fault(kind="status", status=403, methods=("PUT",), path="*classifier.safetensors*"))
    status, events, err = tiny.run(root)
    assert status in (3, 4)
    assert json.loads(err.splitlines()[-1])["event"] == "failed"
    assert "classifier.safetensors" in failure(root)
    assert "logged" not in [event["event"] for event in events]
    assert list((root / "model").iterdir()) == []


def test_a_version_is_logged_once(tiny: World, tmp_path: Path) -> None:
    first = write_job(tmp_path / "first", hyperparameters=tiny.hyperparameters())
    second = write_job(tmp_path / "second", hyperparameters=tiny.hyperparameters(seed="2"))
    assert tiny.run(first)[0] == 0
    status, _, _ = tiny.run(second)
    assert status == 3
    assert "exists with other bytes" in failure(second)
    assert "upload under another version [registry.conflict]" in failure(second)


@pytest.mark.parametrize(
    ("hyperparameters", "status", "message"),
    [
        ({"base_revision": "main"}, 2, "'main' is not a pinned revision"),
        ({"base_revision": "b" * 40}, 3, "answered 404"),
        ({"epochs": "0"}, 2, "epochs: '0' is not a whole number"),
        ({"optimiser": "sgd"}, 2, "hyperparameter optimiser: unknown"),
    ],
)
def test_a_bad_request_fails_with_one_line(
    tiny: World, tmp_path: Path, hyperparameters: dict[str, str], status: int, message: str
) -> None:
    root = write_job(tmp_path / "ml", hyperparameters=tiny.hyperparameters(**hyperparameters))
    found, _, err = tiny.run(root)
    assert found == status, err
    assert message in failure(root)


def test_a_stopped_job_says_so_and_claims_nothing(tiny: World, tmp_path: Path) -> None:
    root = write_job(tmp_path / "ml", hyperparameters=tiny.hyperparameters(epochs="1000"))
    process = tiny.start(root)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "epoch":
            process.send_signal(signal.SIGTERM)
            break
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped by SIGTERM" in failure(root)
    assert json.loads(err.splitlines()[-1])["rule"] == "training.stopped"
    assert list((root / "model").iterdir()) == []


def test_a_job_that_is_stopped_while_its_upload_hangs_ends_by_itself(tiny: World, tmp_path: Path) -> None:
    root = write_job(tmp_path / "ml", hyperparameters=tiny.hyperparameters())
    tiny.registry.add_fault(Fault(kind="stall", methods=("PUT",), path="*model.safetensors*"))
    process = tiny.start(root)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "logging":
            break
    while not any(tiny.registry.fault_hits()):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped by SIGTERM" in failure(root)
    assert json.loads(err.splitlines()[-1])["rule"] == "training.stopped"
    assert list((root / "model").iterdir()) == []
    with pytest.raises(RegistryNotFoundError):
        tiny.client().entity_manifest(repository=INCOMING, name="minilm", version="1.0.0")
