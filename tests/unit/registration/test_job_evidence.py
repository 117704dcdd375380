"""Claims against evidence: AWS's word wins, and a contradiction is a refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest
from weighbridge.registration import JobEvidence, JobRecord, lineage_of
from weighbridge.release import BaseModel, Dataset

ARN = "arn:aws:sagemaker:eu-central-1:111111111111:training-job/one"
CLAIMS = JobRecord(
    base_model=BaseModel(repository="org/base", revision="a" * 40),
    datasets=(Dataset(name="train", digest=Digest.of(b"train")), Dataset(name="extra", digest=Digest.of(b"extra"))),
    parameters={"epochs": "3", "seed": "7"},
    metrics={"accuracy": "0.9"},
    training_job=ARN,
    source_commit="b" * 40,
)
EVIDENCE = JobEvidence(training_job=ARN)


def test_without_evidence_everything_is_claimed() -> None:
    assert lineage_of(record=CLAIMS, evidence=None).claimed == (
        "base_model", "datasets", "training_job", "source_commit", "parameters", "metrics",
    )  # fmt: skip
    assert lineage_of(record=JobRecord(), evidence=None).claimed == ()


def test_a_field_is_claimed_while_any_part_of_it_is() -> None:
    half = replace(EVIDENCE, parameters={"epochs": "3"}, datasets=(Dataset(name="train", digest=Digest.of(b"train")),))
    whole = replace(half, parameters={"epochs": "3", "seed": "7"}, datasets=CLAIMS.datasets, source_commit="b" * 40)
    assert lineage_of(record=CLAIMS, evidence=half).claimed == (
        "base_model", "datasets", "source_commit", "parameters", "metrics",
    )  # fmt: skip
    assert lineage_of(record=CLAIMS, evidence=whole).claimed == ("base_model", "metrics")


def test_evidence_fills_what_the_job_left_out() -> None:
    lineage = lineage_of(record=JobRecord(), evidence=replace(EVIDENCE, parameters={"lr": "1"}, source_commit="c" * 40))
    assert (lineage.training_job, lineage.source_commit, lineage.parameters) == (ARN, "c" * 40, {"lr": "1"})
    assert lineage.claimed == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"training_job": ARN + "-other"}, "training_job"),
        ({"source_commit": "c" * 40}, "source_commit"),
        ({"parameters": {"epochs": "4"}}, r"parameters\.epochs"),
        ({"parameters": {"epochs": "three"}}, r"parameters\.epochs"),
        ({"datasets": (Dataset(name="train", digest=Digest.of(b"other")),)}, r"datasets\.train"),
    ],
)
def test_a_contradiction_is_a_refusal(change: dict[str, object], said: str) -> None:
    with pytest.raises(TrustError, match=said) as caught:
        lineage_of(record=CLAIMS, evidence=replace(EVIDENCE, **change))  # type: ignore[arg-type]
    assert caught.value.rule == "refused.lineage"


@pytest.mark.parametrize(
    ("claim", "fact"),
    [("0.0002", "2e-4"), ("3", '"3"'), ("True", "true"), ("text", '"text"'), ("3", "3.0"), ("a b", "a b")],
)
def test_one_value_in_two_spellings_is_no_contradiction(claim: str, fact: str) -> None:
    lineage = lineage_of(record=JobRecord(parameters={"x": claim}), evidence=replace(EVIDENCE, parameters={"x": fact}))
    assert lineage.parameters == {"x": fact}


def test_a_long_value_is_named_by_its_digest() -> None:
    text = "x" * 5000
    lineage = lineage_of(record=JobRecord(parameters={"prompt": text}), evidence=None)
    assert lineage.parameters["prompt"].startswith(str(Digest.of(text.encode())))


def test_evidence_names_a_job_by_its_arn() -> None:
    with pytest.raises(InputError, match="ARN"):
        JobEvidence(training_job="one")
