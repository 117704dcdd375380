"""The job: pull the pinned base model, judge it, fine-tune it, judge again, log what came out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from containers.encoder import SentenceEncoder, save_classifier
from containers.training.dataset import LabelledTexts, check_held_out
from containers.training.evaluation import after, before, printed
from containers.training.finetune import finetune
from containers.training.parameters import Parameters
from weighbridge.logs import JsonLog
from weighbridge.release import BaseModel
from weighbridge.training import (
    Hub,
    TrainedModel,
    TrainingJob,
    TrainingRegistry,
    log_release,
    pull_base_model,
    run_job,
)

BASE_FILES = ("config.json", "tokenizer.json", "model.safetensors")


def main() -> int:
    """Run the job with this process's arguments and environment; returns the exit status."""
    log = JsonLog(out=sys.stdout, err=sys.stderr)

    def body(job: TrainingJob) -> None:
        registry = TrainingRegistry.read(os.environ)
        log_release(train(job, hub=registry.hub(), log=log), log=log)

    return run_job(arguments=sys.argv[1:], environ=os.environ, log=log, body=body)


def train(job: TrainingJob, *, hub: Hub, log: JsonLog) -> TrainedModel:
    """Fine-tune on the channels `train` (train.jsonl) and `test` (test.jsonl), and return what is to be logged.

    Raises:
        InputError: a hyperparameter, channel or dataset is not acceptable.
        IntegrityError, RegistryError: the base model could not be had as the hub lists it.
    """
    parameters = Parameters.read(job.hyperparameters)
    texts = LabelledTexts.read(job.channel_file(channel="train", name="train.jsonl"))
    held_out = LabelledTexts.read(job.channel_file(channel="test", name="test.jsonl"))
    check_held_out(train=texts, test=held_out)
    base = BaseModel(repository=parameters.base_repository, revision=parameters.base_revision)
    folder = job.scratch("model")
    encoder = _pull(base, hub=hub, folder=folder, log=log)
    metrics = before(encoder, train=texts, test=held_out)
    log.event("base-model-judged", **printed(metrics))
    weights = finetune(
        encoder, texts=texts.texts, labels=texts.labels, parameters=parameters, report=_epochs(log, parameters)
    )
    save_classifier(folder=folder, labels=texts.classes(), weights=weights)
    metrics |= after(folder, test=held_out)
    log.event("fine-tuned-model-judged", **printed(metrics))
    return TrainedModel(
        name=parameters.model_name,
        version=parameters.model_version,
        folder=folder,
        base_model=base,
        datasets={"train": texts.digest, "test": held_out.digest},
        parameters=parameters.logged(),
        metrics=printed(metrics),
    )


def _pull(base: BaseModel, *, hub: Hub, folder: Path, log: JsonLog) -> SentenceEncoder:
    began = time.monotonic()
    digests = pull_base_model(hub=hub, base=base, folder=folder, patterns=BASE_FILES)
    log.event(
        "base-model-pulled",
        repository=base.repository,
        revision=base.revision,
        files=len(digests),
        seconds=round(time.monotonic() - began, 2),
    )
    return SentenceEncoder.load(folder)


def _epochs(log: JsonLog, parameters: Parameters) -> Callable[[int, float], None]:
    began = time.monotonic()

    def report(epoch: int, loss: float) -> None:
        seconds = round(time.monotonic() - began, 2)
        log.event("epoch", epoch=epoch, of=parameters.epochs, loss=round(loss, 4), seconds=seconds)

    return report
