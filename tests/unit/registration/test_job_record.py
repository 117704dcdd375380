"""The job record: one spelling, strict reading, and nothing lost for one odd value."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from weighbridge.canonical import dump
from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest
from weighbridge.registration import JobRecord, as_texts, parse_job_record
from weighbridge.release import BaseModel, Dataset

RECORD = JobRecord(
    base_model=BaseModel(repository="sentence-transformers/all-MiniLM-L6-v2", revision="a" * 40),
    datasets=(Dataset(name="operations", digest=Digest.of(b"data")),),
    parameters={"learning_rate": "0.0002", "note": "two words, and an ARN arn:aws:x"},
    metrics={"accuracy": "0.91"},
    training_job="arn:aws:sagemaker:eu-central-1:111111111111:training-job/one",
    source_commit="b" * 40,
)


def test_a_record_is_read_as_it_was_written() -> None:
    assert parse_job_record(RECORD.to_bytes()) == RECORD
    assert parse_job_record(JobRecord().to_bytes()) == JobRecord()


def test_a_record_holds_the_documented_fields() -> None:
    assert json.loads(RECORD.to_bytes()) == {
        "schema": "weighbridge.job/v1",
        "base_model": {"repository": "sentence-transformers/all-MiniLM-L6-v2", "revision": "a" * 40},
        "datasets": [{"name": "operations", "sha256": Digest.of(b"data").hex}],
        "parameters": {"learning_rate": "0.0002", "note": "two words, and an ARN arn:aws:x"},
        "metrics": {"accuracy": "0.91"},
        "training_job": "arn:aws:sagemaker:eu-central-1:111111111111:training-job/one",
        "source_commit": "b" * 40,
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source_commit": "main"}, "source_commit"),
        ({"source_commit": "b" * 40 + "\n"}, "control"),
        ({"base_model": BaseModel(repository="a/b/c", revision="a" * 40)}, "base_model"),
        ({"base_model": BaseModel(repository="a/b", revision="main")}, "base_model"),
        ({"parameters": {"two\nlines": "1"}}, "control"),
        ({"parameters": {"long": "x" * 65537}}, "parameters"),
        ({"training_job": ""}, "training_job"),
    ],
)
def test_a_malformed_claim_is_refused_with_its_field(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        replace(RECORD, **change)  # type: ignore[arg-type]
    assert caught.value.rule == "input.job-record"


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"not json",
        json.dumps(json.loads(RECORD.to_bytes()), indent=1).encode(),
        dump({**json.loads(RECORD.to_bytes()), "more": 1}),
        dump({**json.loads(RECORD.to_bytes()), "metrics": {"accuracy": 1}}),
        RECORD.to_bytes().replace(b'"metrics"', b'"parameters"', 1),
        dump({**json.loads(RECORD.to_bytes()), "source_commit": "b" * 40 + "\n"}),
    ],
)
def test_another_spelling_or_shape_is_refused(data: bytes) -> None:
    with pytest.raises(TrustError):
        parse_job_record(data)


def test_any_value_becomes_text_that_a_record_holds() -> None:
    odd = {
        "rate": 2e-4,
        "none": None,
        "nan": float("nan"),
        "bad\ud800": "x\ud800",
        "": "y",
        "long": "z" * 70000,
        "a\nb": 1,
    }
    texts = as_texts(odd)
    record = JobRecord(parameters=texts)
    assert parse_job_record(record.to_bytes()) == record
    assert len(texts) == len(odd)
    assert texts["rate"] == "0.0002"
    assert texts["a_b"] == "1"
