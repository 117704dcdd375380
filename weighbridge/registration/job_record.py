"""The job record `weighbridge-job.json`: what whoever uploads a model version claims about it.

It travels with the weights as a file of its own, because frogml's properties hold neither a digest nor an ARN nor a URI
(60 characters of a small alphabet). The registrar reads it and marks what nobody else asserts as *claimed*.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, TypedDict, cast

from weighbridge import canonical
from weighbridge.canonical import JsonObject
from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest
from weighbridge.release import BaseModel, Dataset

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

JOB_RECORD_PATH = "weighbridge-job.json"
JOB_RECORD_LIMIT = 8 * 1024 * 1024
SCHEMA = "weighbridge.job/v1"
_RULE = "input.job-record"


@dataclass(frozen=True, slots=True)
class JobRecord:
    """Claims about one model version. `parameters` and `metrics` are text; `as_texts` makes it of any values.

    Raises:
        InputError: rule `input.job-record`, naming the field: a revision or commit that is not 40 hex digits, a name
            that is not one printable line of at most 1,024 characters, more than 1,000 entries, a value of more than
            65,536 characters.
    """

    base_model: BaseModel | None = None
    datasets: tuple[Dataset, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    training_job: str | None = None
    source_commit: str | None = None

    def __post_init__(self) -> None:
        error = next(_validator().iter_errors(_to_json(self)), None)
        if error is not None:
            raise InputError(f"job record: {error.json_path}: {error.message[:300]}", rule=_RULE)
        base = self.base_model
        lines = [self.training_job, self.source_commit, *self.parameters, *self.metrics]
        lines += [item.name for item in self.datasets]
        lines += [] if base is None else [base.repository, base.revision]
        for line in lines:
            if line is not None and not line.isprintable():
                raise InputError(f"job record: {line!r} holds control or invisible characters", rule=_RULE)

    def to_bytes(self) -> bytes:
        """Return the RFC 8785 bytes."""
        try:
            return canonical.dump(_to_json(self))
        except ValueError as error:
            raise InputError(f"job record: {error}", rule=_RULE) from error


def as_texts(values: Mapping[str, object]) -> dict[str, str]:
    """Return any parameters or metrics as the text that a job record holds: `str()` of each, cut at 65,536 characters.

    Made for the end of a training, where one odd value must not cost the result: names are made printable, and what
    UTF-8 cannot hold is escaped.
    """
    found: dict[str, str] = {}
    for name, value in values.items():
        plain = "".join(letter if letter.isprintable() else "_" for letter in str(name))[:256] or "_"
        found[plain] = str(value).encode("utf-8", "backslashreplace").decode("utf-8")[:65536]
    return found


def parse_job_record(data: bytes) -> JobRecord:
    """Return the record whose bytes are `data`.

    Raises:
        TrustError: rule `refused.json` or `refused.job-record`, when they are not a canonical, well-formed record.
    """
    document = canonical.parse_object(data, what=JOB_RECORD_PATH, limit=JOB_RECORD_LIMIT)
    error = next(_validator().iter_errors(document), None)
    if error is not None:
        raise TrustError(
            f"{JOB_RECORD_PATH}: {error.json_path}: {error.message[:300]}: upload again with `weighbridge upload`",
            rule="refused.job-record",
        )
    try:
        record = _from_json(cast(_Document, document))
    except InputError as problem:
        raise TrustError(f"{JOB_RECORD_PATH}: {problem}", rule="refused.job-record") from problem
    if record.to_bytes() != data:
        raise TrustError(f"{JOB_RECORD_PATH}: not RFC 8785 canonical JSON", rule="refused.job-record")
    return record


class _BaseModelDocument(TypedDict):
    repository: str
    revision: str


class _DatasetDocument(TypedDict):
    name: str
    sha256: str


class _Document(TypedDict):
    base_model: _BaseModelDocument | None
    datasets: list[_DatasetDocument]
    parameters: dict[str, str]
    metrics: dict[str, str]
    training_job: str | None
    source_commit: str | None


@cache
def _validator() -> Draft202012Validator:
    # Imported when the first document is read: it takes longer than all the rest where its extras are installed.
    from jsonschema import Draft202012Validator

    text = resources.files("weighbridge.registration").joinpath("job.v1.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _to_json(record: JobRecord) -> JsonObject:
    base = record.base_model
    return {
        "schema": SCHEMA,
        "base_model": None if base is None else {"repository": base.repository, "revision": base.revision},
        "datasets": [{"name": item.name, "sha256": item.digest.hex} for item in record.datasets],
        "parameters": dict(record.parameters),
        "metrics": dict(record.metrics),
        "training_job": record.training_job,
        "source_commit": record.source_commit,
    }


def _from_json(document: _Document) -> JobRecord:
    base = document["base_model"]
    return JobRecord(
        base_model=None if base is None else BaseModel(repository=base["repository"], revision=base["revision"]),
        datasets=tuple(Dataset(name=item["name"], digest=Digest(item["sha256"])) for item in document["datasets"]),
        parameters=document["parameters"],
        metrics=document["metrics"],
        training_job=document["training_job"],
        source_commit=document["source_commit"],
    )
