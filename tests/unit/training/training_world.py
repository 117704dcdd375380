"""A training job's folder on disk, a hub in a folder, and a registry in memory."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

from tests.unit.encoder.tiny_bert import write_tiny_bert
from tests.unit.registration.memory_registry import INCOMING, MemoryFrogml, MemoryRegistry
from weighbridge.logs import JsonLog
from weighbridge.registry import StaticToken
from weighbridge.training.contract import TrainingJob
from weighbridge.training.hub import HubFile
from weighbridge.training.settings import TrainingRegistry

REVISION = "a" * 40
ARN = "arn:aws:sagemaker:eu-central-1:111111111111:training-job/minilm-1"
HYPERPARAMETERS = {
    "base_repository": "org/tiny",
    "base_revision": REVISION,
    "model_name": "minilm",
    "model_version": "1.0.0",
    "epochs": "2",
    "sagemaker_program": "train.py",
}
TRAIN = [("a man eats food", "people"), ("the man eats", "people"), ("creates the bucket", "cloud"),
         ("creates a bucket", "cloud")]  # fmt: skip
TEST = [("a man eats", "people"), ("creates bucket", "cloud")]


def write_job(
    root: Path,
    *,
    hyperparameters: Mapping[str, str] = HYPERPARAMETERS,
    train: Sequence[tuple[str, str]] = TRAIN,
    test: Sequence[tuple[str, str]] = TEST,
) -> Path:
    """Write what SageMaker writes below /opt/ml before it starts the container."""
    config = root / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {}, "test": {}}))
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}))
    for name, rows in (("train", train), ("test", test)):
        folder = root / "input" / "data" / name
        folder.mkdir(parents=True)
        lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (root / "model").mkdir()
    return root


def environ(root: Path, **more: str) -> dict[str, str]:
    """The variables of that job."""
    return {"WEIGHBRIDGE_ML_ROOT": str(root), "TRAINING_JOB_ARN": ARN, "TRAINING_JOB_NAME": "minilm-1", **more}


def read_job(root: Path) -> TrainingJob:
    return TrainingJob.read(environ(root))


@dataclass
class FolderHub:
    """A hub that holds one revision; `lie` is the SHA-256 that it lists for the weights."""

    folder: Path
    lie: str | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def tree(self, *, repository: str, revision: str) -> Sequence[HubFile]:
        self.asked.append((repository, revision))
        found = []
        for path in sorted(self.folder.iterdir()):
            data = path.read_bytes()
            sha256 = hashlib.sha256(data).hexdigest() if path.suffix == ".safetensors" else None
            found.append(HubFile(path=path.name, size=len(data), sha256=sha256 and (self.lie or sha256)))
        return found

    def download(self, *, repository: str, revision: str, folder: Path, patterns: Sequence[str] | None) -> None:
        for path in self.folder.iterdir():
            if patterns is None or any(fnmatch(path.name, pattern) for pattern in patterns):
                shutil.copy(path, folder / path.name)


def tiny_hub(folder: Path, *, lie: str | None = None) -> FolderHub:
    write_tiny_bert(folder)
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    return FolderHub(folder=folder, lie=lie)


class Lines:
    """A JSON log that can be read."""

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.log = JsonLog(out=self.out, err=self.err, clock=lambda: datetime(2026, 11, 24, tzinfo=UTC))

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]

    def errors(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.err.getvalue().splitlines()]


class MemoryTrainingRegistry(TrainingRegistry):
    """`incoming` in memory."""

    def __init__(self, registry: MemoryRegistry) -> None:
        super().__init__(
            url=registry.url, hub_repository="hub", incoming_repository=INCOMING, tokens=StaticToken(token="secret")
        )
        object.__setattr__(self, "_memory", registry)

    def client(self) -> MemoryRegistry:  # type: ignore[override]
        return self._memory  # type: ignore[attr-defined, no-any-return]


__all__ = ["ARN", "INCOMING", "REVISION", "FolderHub", "Lines", "MemoryFrogml", "MemoryRegistry"]
