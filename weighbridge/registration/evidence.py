"""What AWS says of a training job, against what the job claims: evidence wins, a contradiction is a refusal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from weighbridge.canonical import Json
from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest
from weighbridge.registration.job_record import JobRecord
from weighbridge.release import Dataset, Lineage, LineageField

VALUE_LIMIT = 4096
_RULE = "refused.lineage"


@dataclass(frozen=True, slots=True)
class JobEvidence:
    """One training job as DescribeTrainingJob describes it (API_DescribeTrainingJob).

    `image` is AlgorithmSpecification.TrainingImage, `role` RoleArn, `parameters` HyperParameters, `inputs` the S3 URI of
    each channel in InputDataConfig, `source_commit` the tag of that name. `datasets` are inputs whose bytes the registrar
    hashed itself.
    """

    training_job: str
    image: str | None = None
    role: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[Dataset, ...] = ()
    source_commit: str | None = None

    def __post_init__(self) -> None:
        if not self.training_job.startswith("arn:"):
            raise InputError(f"evidence training_job: {self.training_job!r} is not an ARN", rule="input.evidence")

    def dependencies(self) -> list[Json]:
        """Return what the provenance statement names besides the release's own lineage (SLSA resolvedDependencies)."""
        found: list[Json] = []
        if self.image is not None:
            image, _, digest = self.image.partition("@sha256:")
            entry: dict[str, Json] = {"name": "training image", "uri": f"oci://{image}"}
            found.append({**entry, "digest": {"sha256": digest}} if digest else entry)
        found += [{"name": f"input channel {name}", "uri": uri} for name, uri in sorted(self.inputs.items())]
        return found


def lineage_of(*, record: JobRecord, evidence: JobEvidence | None) -> Lineage:
    """Return a release's lineage: evidence first, claims marked as such.

    A field stands in `claimed` when any part of it rests on the job's word alone.

    Raises:
        TrustError: rule `refused.lineage`, when a claim contradicts the evidence.
    """
    parameters, datasets = dict(record.parameters), {item.name: item.digest for item in record.datasets}
    facts = evidence if evidence is not None else _Facts()
    _check_parameters(parameters, facts.parameters)
    _check_datasets(datasets, facts.datasets)
    lineage = Lineage(
        base_model=record.base_model,
        datasets=_merged(datasets, facts.datasets),
        training_job=_agreed("training_job", claim=record.training_job, fact=facts.training_job),
        source_commit=_agreed("source_commit", claim=record.source_commit, fact=facts.source_commit),
        parameters=_short({**parameters, **facts.parameters}),
        metrics=_short(record.metrics),
    )
    rests_on_the_job: dict[LineageField, bool] = {
        "base_model": record.base_model is not None,
        "datasets": bool(datasets.keys() - {item.name for item in facts.datasets}),
        "training_job": lineage.training_job is not None and facts.training_job is None,
        "source_commit": lineage.source_commit is not None and facts.source_commit is None,
        "parameters": bool(parameters.keys() - facts.parameters.keys()),
        "metrics": bool(record.metrics),
    }
    return replace(lineage, claimed=tuple(name for name, claimed in rests_on_the_job.items() if claimed))


@dataclass(frozen=True, slots=True)
class _Facts:
    training_job: str | None = None
    source_commit: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[Dataset, ...] = ()


def _merged(claims: Mapping[str, Digest], facts: tuple[Dataset, ...]) -> tuple[Dataset, ...]:
    known = {**claims, **{item.name: item.digest for item in facts}}
    return tuple(Dataset(name=name, digest=known[name]) for name in sorted(known))


def _agreed(what: str, *, claim: str | None, fact: str | None) -> str | None:
    if claim is not None and fact is not None and claim != fact:
        raise TrustError(
            f"{what}: the upload claims {claim!r}, AWS says {fact!r}: find out who uploaded this version", rule=_RULE
        )
    return claim if fact is None else fact


def _check_parameters(claims: Mapping[str, str], facts: Mapping[str, str]) -> None:
    for name in sorted(claims.keys() & facts.keys()):
        if not _same_value(claims[name], facts[name]):
            raise TrustError(
                f"parameters.{name}: the upload claims {claims[name]!r}, the training job was started with "
                f"{facts[name]!r}: find out who uploaded this version",
                rule=_RULE,
            )


def _check_datasets(claims: Mapping[str, Digest], facts: tuple[Dataset, ...]) -> None:
    for item in facts:
        claim = claims.get(item.name)
        if claim is not None and claim != item.digest:
            raise TrustError(
                f"datasets.{item.name}: the upload claims {claim}, the training job's input hashes to {item.digest}: "
                "find out who uploaded this version",
                rule=_RULE,
            )


def _same_value(claim: str, fact: str) -> bool:
    # SageMaker keeps hyperparameters as text, in JSON quotes where an SDK added them; numbers are printed in many ways.
    plain = _plain(fact)
    if claim in (fact, plain):
        return True
    try:
        return math.isclose(float(claim), float(plain), rel_tol=1e-12, abs_tol=0.0)
    except ValueError:
        return claim.casefold() == plain.casefold() and plain.casefold() in ("true", "false", "none", "null")


def _plain(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value


def _short(values: Mapping[str, str]) -> dict[str, str]:
    # A release holds values of at most 4,096 characters; the whole text stays in the job record, a component beside it.
    return {
        name: value
        if len(value) <= VALUE_LIMIT
        else f"{Digest.of(value.encode())} ({len(value)} characters, in the job record)"
        for name, value in values.items()
    }
