"""The end of a training, in one line of the user's own train.py: log what came out, read it back, leave a pointer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from weighbridge.errors import InputError
from weighbridge.logs import JsonLog
from weighbridge.names import Digest
from weighbridge.registration import JobRecord, UploadReport, as_texts, upload
from weighbridge.registration.frogml_storage import ModelStorage
from weighbridge.release import BaseModel, Dataset, files_in, hash_file
from weighbridge.training.contract import TrainingJob
from weighbridge.training.settings import TrainingRegistry

COMMIT_VARIABLE = "WEIGHBRIDGE_SOURCE_COMMIT"
POINTER_FILE = "weighbridge-pointer.json"
POINTER_SCHEMA = "weighbridge.pointer/v1"


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What a training made.

    `folder` holds the files that a server loads. `datasets` are names with a file, a folder or a digest that is known
    already. `parameters` and `metrics` may hold anything that `str()` says well. `base_model` is None only for a model
    that was trained from nothing.
    """

    name: str
    version: str
    folder: Path
    base_model: BaseModel | None
    datasets: Mapping[str, Path | Digest]
    parameters: Mapping[str, object]
    metrics: Mapping[str, object]


def log_release(
    model: TrainedModel, *, environ: Mapping[str, str] | None = None, log: JsonLog | None = None
) -> UploadReport | None:
    """Log `model` into `incoming` with frogml, read every byte back, and leave a pointer in /opt/ml/model.

    Nothing is signed and nothing is promoted: that is the registrar's, once SageMaker says that the job is completed. Let
    every error end the job: a job that swallows one would be green without a model. Of a distributed training only the
    first process logs; the others get None. Repeating a call that was cut off completes it.

    Args:
        environ: default: this process's (see `TrainingRegistry.read`); WEIGHBRIDGE_SOURCE_COMMIT is the code's commit.
        log: default: JSON lines on stdout and stderr.

    Raises:
        InputError: a value is not acceptable; the line names it.
        RegistryConflictError: the version exists with other bytes.
        IntegrityError: something that was logged cannot be read back.
        RegistryError: the registry could not do it.
    """
    variables = os.environ if environ is None else environ
    lines = log or JsonLog(out=sys.stdout, err=sys.stderr)
    job = TrainingJob.read(variables)
    if not job.first_process:
        lines.event("not-logged", reason="the first process of this training logs the model")
        return None
    return log_model(
        model,
        job=job,
        registry=TrainingRegistry.read(variables),
        source_commit=variables.get(COMMIT_VARIABLE),
        log=lines,
    )


def log_model(
    model: TrainedModel,
    *,
    job: TrainingJob,
    registry: TrainingRegistry,
    source_commit: str | None,
    log: JsonLog,
    storage: ModelStorage | None = None,
) -> UploadReport:
    """See `log_release`; `storage` is what logs, None for the real frogml."""
    record = JobRecord(
        base_model=model.base_model,
        datasets=tuple(Dataset(name=name, digest=digest_of(model.datasets[name])) for name in sorted(model.datasets)),
        parameters=as_texts(model.parameters),
        metrics=as_texts(model.metrics),
        training_job=job.arn,
        source_commit=source_commit,
    )
    log.event("logging", model=model.name, version=model.version, repository=registry.incoming_repository)
    report = upload(
        folder=model.folder,
        name=model.name,
        version=model.version,
        repository=registry.incoming_repository,
        record=record,
        client=registry.client(),
        token=registry.tokens,
        storage=storage,
    )
    _leave_pointer(job.model_folder, report=report, record=record)
    log.event(
        "logged",
        model=report.name,
        version=report.version,
        files=report.files,
        bytes=report.bytes,
        already_there=report.already_there,
    )
    return report


def digest_of(source: Path | Digest) -> Digest:
    """Return the digest of a dataset: of a file's bytes, or of a folder's listing as `sha256sum` prints it, by path.

    Raises:
        InputError: when there is neither a file nor a folder, or the folder holds a link.
    """
    if isinstance(source, Digest):
        return source
    if source.is_file():
        return hash_file(source).digest
    if not source.is_dir():
        raise InputError(f"dataset {source}: is neither a file nor a folder", rule="input.dataset")
    files = files_in(source)
    listing = "".join(f"{hash_file(files[path]).digest.hex}  {path}\n" for path in sorted(files))
    return Digest.of(listing.encode())


def _leave_pointer(folder: Path, *, report: UploadReport, record: JobRecord) -> None:
    # SageMaker packs this folder into model.tar.gz: it gets a pointer, the weights are in the registry.
    if not folder.parent.is_dir():
        return
    folder.mkdir(exist_ok=True)
    pointer = {
        "schema": POINTER_SCHEMA,
        "repository": report.repository,
        "name": report.name,
        "version": report.version,
        "files": report.files,
        "bytes": report.bytes,
        "job_record": f"sha256:{Digest.of(record.to_bytes()).hex}",
    }
    (folder / POINTER_FILE).write_text(json.dumps(pointer, indent=2) + "\n", encoding="utf-8")
