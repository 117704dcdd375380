"""A callback for the Hugging Face Trainer that logs what it trained. Importing this module needs transformers.

The events, their arguments and their order are those of transformers' `TrainerCallback`: the best checkpoint, if one was
asked for, is loaded before `on_train_end`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from transformers import TrainerCallback

from weighbridge.names import Digest
from weighbridge.registration import UploadReport
from weighbridge.release import BaseModel
from weighbridge.training.log import TrainedModel, log_release

LOGGED_ARGUMENTS = (
    "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
    "weight_decay", "warmup_steps", "lr_scheduler_type", "optim", "seed", "bf16", "fp16",
)  # fmt: skip


class Saveable(Protocol):
    """A model, an adapter, a tokenizer or a processor."""

    def save_pretrained(self, folder: str, /) -> object:
        """Write its files."""
        ...


class State(Protocol):
    """The part of transformers' TrainerState that is needed."""

    global_step: int
    is_world_process_zero: bool
    best_metric: float | None


class ReleaseCallback(TrainerCallback):  # type: ignore[misc]
    """Logs model (or adapter) and tokenizer at the end of `trainer.train()`, with metrics before and after.

    What was evaluated before the first step (`eval_on_start=True`) is logged as `NAME_before`, the last evaluation as
    `NAME_after`. An error ends the training, because a job without its model must not be green. `report` tells what was
    logged. Not for models that are sharded over processes (FSDP, DeepSpeed ZeRO-3): gather those yourself and call
    `log_release`.
    """

    def __init__(
        self,
        *,
        name: str,
        version: str,
        base_model: BaseModel,
        datasets: Mapping[str, Path | Digest],
        parameters: Mapping[str, object] | None = None,
    ) -> None:
        """Say what is trained.

        Args:
            datasets: names with a file, a folder or a digest (see `TrainedModel`).
            parameters: what is to be logged besides the Trainer's own arguments, such as those of LoRA.
        """
        self.report: UploadReport | None = None
        self._name, self._version = name, version
        self._base_model, self._datasets = base_model, datasets
        self._parameters = dict(parameters or {})
        self._metrics: dict[str, object] = {}

    def on_evaluate(
        self, _args: object, state: State, _control: object, metrics: Mapping[str, float], **_others: object
    ) -> None:
        """Remember the figures."""
        when = "before" if state.global_step == 0 else "after"
        self._metrics |= {f"{name}_{when}": value for name, value in metrics.items()}

    def on_train_end(
        self,
        args: object,
        state: State,
        _control: object,
        model: Saveable,
        processing_class: Saveable | None = None,
        **_others: object,
    ) -> None:
        """Save and log, in the first process alone; errors as `log_release`."""
        if not state.is_world_process_zero:
            return
        if state.best_metric is not None:
            self._metrics["best_metric"] = state.best_metric
        own = {name: getattr(args, name) for name in LOGGED_ARGUMENTS if hasattr(args, name)}
        with tempfile.TemporaryDirectory(prefix="weighbridge-model-") as folder:
            for part in (model, processing_class):
                if part is not None:
                    part.save_pretrained(folder)
            self.report = log_release(
                TrainedModel(
                    name=self._name,
                    version=self._version,
                    folder=Path(folder),
                    base_model=self._base_model,
                    datasets=self._datasets,
                    parameters={**own, **self._parameters},
                    metrics=self._metrics,
                )
            )
