"""The Hugging Face callback, driven by the events of a Trainer that is played; transformers is not installed here."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from training_world import ARN, INCOMING, REVISION, MemoryTrainingRegistry, environ, write_job

from tests.unit.registration.memory_registry import MemoryFrogml, MemoryRegistry
from weighbridge.errors import IntegrityError
from weighbridge.names import Digest
from weighbridge.registration import JOB_RECORD_PATH, parse_job_record
from weighbridge.release import BaseModel
from weighbridge.training import TrainingRegistry
from weighbridge.training import log as log_module

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "training" / "lora_finetune.py"


@dataclass
class State:
    global_step: int = 0
    is_world_process_zero: bool = True
    best_metric: float | None = None


@dataclass
class Arguments:
    learning_rate: float = 0.0002
    num_train_epochs: float = 1.0
    seed: int = 7
    output_dir: str = "/secret/place"


@dataclass
class Part:
    """A model or a tokenizer."""

    file: str

    def save_pretrained(self, folder: str) -> None:
        (Path(folder) / self.file).write_bytes(b"content of " + self.file.encode())


class Trainer:
    """Calls callbacks as transformers' CallbackHandler does: positionally, the rest by keyword."""

    def __init__(self, callback: Any, *, state: State) -> None:
        self._callback = callback
        self._state = state

    def event(self, name: str, **more: object) -> None:
        getattr(self._callback, name)(
            Arguments(), self._state, object(),
            model=Part("adapter_model.safetensors"), processing_class=Part("tokenizer.json"),
            optimizer=None, lr_scheduler=None, train_dataloader=None, eval_dataloader=None, **more,
        )  # fmt: skip

    def train(self) -> None:
        self.event("on_train_begin")
        self.event("on_evaluate", metrics={"eval_loss": 2.5})
        for step in (1, 2):
            self._state.global_step = step
            self.event("on_step_end")
            self.event("on_evaluate", metrics={"eval_loss": 2.5 - step})
        self.event("on_train_end")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryRegistry]:
    """Stand-ins for transformers, for the environment of a job, and for frogml with its registry."""

    class TrainerCallback:
        def on_train_begin(self, args: object, state: object, control: object, **more: object) -> None: ...
        def on_step_end(self, args: object, state: object, control: object, **more: object) -> None: ...

    module = types.ModuleType("transformers")
    module.TrainerCallback = TrainerCallback  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", module)
    for name, value in environ(write_job(tmp_path / "ml")).items():
        monkeypatch.setenv(name, value)
    found = MemoryRegistry()
    monkeypatch.setattr(TrainingRegistry, "read", classmethod(lambda _cls, _environ: MemoryTrainingRegistry(found)))
    monkeypatch.setattr(log_module, "upload", _uploading(log_module.upload, MemoryFrogml(found)))
    yield found
    sys.modules.pop("weighbridge.training.trainer", None)


def _uploading(upload: Any, storage: MemoryFrogml) -> Any:
    return lambda **arguments: upload(**{**arguments, "storage": storage})


def callback(tmp_path: Path) -> Any:
    from weighbridge.training.trainer import ReleaseCallback

    data = tmp_path / "train.jsonl"
    data.write_bytes(b"{}")
    return ReleaseCallback(
        name="adapter",
        version="1.0.0",
        base_model=BaseModel(repository="org/base", revision=REVISION),
        datasets={"train": data},
        parameters={"lora_r": 16},
    )


def test_an_adapter_is_logged_with_what_is_known_of_it(registry: MemoryRegistry, tmp_path: Path) -> None:
    found = callback(tmp_path)
    Trainer(found, state=State()).train()
    folder = "models/adapter/1.0.0"
    assert registry.files[INCOMING, f"{folder}/adapter_model.safetensors"] == b"content of adapter_model.safetensors"
    assert (INCOMING, f"{folder}/tokenizer.json") in registry.files
    record = parse_job_record(registry.files[INCOMING, f"{folder}/{JOB_RECORD_PATH}"])
    assert record.base_model == BaseModel(repository="org/base", revision=REVISION)
    assert record.metrics == {"eval_loss_before": "2.5", "eval_loss_after": "0.5"}
    assert record.parameters == {"learning_rate": "0.0002", "num_train_epochs": "1.0", "seed": "7", "lora_r": "16"}
    assert record.datasets[0].digest == Digest.of(b"{}")
    assert record.training_job == ARN
    assert found.report.files == 3


def test_the_first_process_alone_logs(registry: MemoryRegistry, tmp_path: Path) -> None:
    found = callback(tmp_path)
    Trainer(found, state=State(is_world_process_zero=False)).train()
    assert registry.files == {}
    assert found.report is None


def test_the_best_model_says_why_it_is_the_best(registry: MemoryRegistry, tmp_path: Path) -> None:
    Trainer(callback(tmp_path), state=State(best_metric=0.25)).train()
    record = parse_job_record(registry.files[INCOMING, f"models/adapter/1.0.0/{JOB_RECORD_PATH}"])
    assert record.metrics["best_metric"] == "0.25"


def test_an_adapter_that_was_lost_ends_the_training(
    registry: MemoryRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from weighbridge.registration import upload

    lossy = MemoryFrogml(registry, lost=("adapter_model.safetensors",))
    monkeypatch.setattr(log_module, "upload", _uploading(upload, lossy))
    with pytest.raises(IntegrityError, match=r"adapter_model\.safetensors"):
        Trainer(callback(tmp_path), state=State()).train()


def test_importing_training_needs_no_transformers() -> None:
    assert "transformers" not in sys.modules
    tree = ast.parse((ROOT / "weighbridge" / "training" / "__init__.py").read_text())
    assert not [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "weighbridge.training.trainer"
    ]


def test_the_example_runs_no_code_of_a_model() -> None:
    tree = ast.parse(EXAMPLE.read_text())
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "from_pretrained"
    ]
    assert len(calls) == 2
    for call in calls:
        (trusted,) = [keyword.value for keyword in call.keywords if keyword.arg == "trust_remote_code"]
        assert isinstance(trusted, ast.Constant)
        assert trusted.value is False
    assert all(".bin" not in name and ".pt" not in name and ".py" not in name for name in _constant(tree, "WANTED"))


def _constant(tree: ast.Module, name: str) -> tuple[str, ...]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            found = ast.literal_eval(node.value)
            assert isinstance(found, tuple)
            return found
    raise AssertionError(name)


def test_the_example_needs_a_gpu_only_when_it_trains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import runpy

    root = write_job(tmp_path / "ml")
    monkeypatch.setenv("WEIGHBRIDGE_ML_ROOT", str(root))
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "serve"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert ended.value.code == 2
    assert "knows 'train' only" in (root / "output" / "failure").read_text()
