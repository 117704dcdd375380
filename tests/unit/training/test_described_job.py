"""What is read of SageMaker's description of a job, of EventBridge's event, and what is sent to SNS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from registrar_world import ARN, COMMIT, IMAGE

from weighbridge.errors import CloudError, InputError
from weighbridge.registration.described_job import DescribedJob
from weighbridge.registration.job_event import DETAIL_TYPE, job_name
from weighbridge.registration.notices import Notice, SnsNotices
from weighbridge.registration.registrar import RegistrarEnvironment

DESCRIPTION: dict[str, Any] = {
    "TrainingJobName": "minilm-1",
    "TrainingJobArn": ARN,
    "TrainingJobStatus": "Completed",
    "HyperParameters": {"model_name": '"minilm"', "model_version": "1.0.0"},
    "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::111111111111:role/training",
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/train"}}},
        {
            "ChannelName": "shared",
            "DataSource": {
                "FileSystemDataSource": {
                    "FileSystemId": "fs-1", "DirectoryPath": "/data", "FileSystemType": "EFS", "FileSystemAccessMode": "ro"
                }
            },
        },
    ],
    "Environment": {"WEIGHBRIDGE_INCOMING_REPOSITORY": "incoming"},
}  # fmt: skip


@dataclass
class SageMaker:
    """Describes one job; its tags come on two pages."""

    error: ClientError | None = None
    description: dict[str, Any] = field(default_factory=lambda: dict(DESCRIPTION))

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        if self.error is not None:
            raise self.error
        assert TrainingJobName == "minilm-1"
        return self.description

    def get_paginator(self, name: str) -> SageMaker:
        assert name == "list_tags"
        return self

    def paginate(self, *, ResourceArn: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert ResourceArn == ARN
        yield {"Tags": [{"Key": "weighbridge:commit", "Value": COMMIT}]}
        yield {"Tags": [{"Key": "weighbridge:owner", "Value": "ann"}]}


def test_the_description_becomes_evidence() -> None:
    job = DescribedJob.read(client=SageMaker(), name="minilm-1")  # type: ignore[arg-type]
    assert job.concerns(incoming="incoming")
    assert not job.concerns(incoming="another")
    assert str(job.model_version()) == "minilm:1.0.0"
    assert job.owner == "ann"
    evidence = job.evidence()
    assert evidence.training_job == ARN
    assert evidence.image == IMAGE
    assert evidence.inputs == {"train": "s3://data/train", "shared": "fs://fs-1/data"}
    assert evidence.source_commit == COMMIT


def test_a_bare_description_is_read() -> None:
    bare = {key: DESCRIPTION[key] for key in ("TrainingJobName", "TrainingJobArn", "TrainingJobStatus")}
    found = SageMaker(description={**bare, "AlgorithmSpecification": {"TrainingInputMode": "File"}})
    job = DescribedJob.read(client=found, name="minilm-1")  # type: ignore[arg-type]
    assert not job.concerns(incoming="incoming")
    assert (job.image, job.role, dict(job.parameters), dict(job.inputs)) == (None, None, {}, {})


def test_what_sagemaker_refuses_names_the_call() -> None:
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeTrainingJob")
    with pytest.raises(CloudError, match="sagemaker:DescribeTrainingJob of minilm-1"):
        DescribedJob.read(client=SageMaker(error=error), name="minilm-1")  # type: ignore[arg-type]


def test_an_event_names_its_job() -> None:
    assert job_name({"detail-type": DETAIL_TYPE, "detail": {"TrainingJobName": "minilm-1"}}) == "minilm-1"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail-type": DETAIL_TYPE},
        {"detail-type": DETAIL_TYPE, "detail": []},
        {"detail-type": DETAIL_TYPE, "detail": {"TrainingJobName": 1}},
        {"detail-type": DETAIL_TYPE, "detail": {"TrainingJobName": "../x"}},
        {"detail-type": DETAIL_TYPE, "detail": {"TrainingJobName": "a" * 64}},
        {"detail-type": "SageMaker Endpoint State Change", "detail": {"TrainingJobName": "minilm-1"}},
    ],
)
def test_another_event_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(InputError, match="is not a SageMaker Training Job State Change of a named training job"):
        job_name(event)


@dataclass
class Sns:
    sent: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, **arguments: Any) -> None:
        self.sent.append(arguments)


def test_a_notice_fits_what_sns_takes() -> None:
    sns = Sns()
    notices = SnsNotices(client=sns, topic="topic")
    notices.send(Notice(subject="weighbridge: " + "ü" * 200, text="Why: ü", owner="ann"))
    notices.send(Notice(subject="short", text="text", owner=None))
    first, second = sns.sent
    assert len(first["Subject"]) == 100
    assert first["Subject"].isascii()
    assert first["Message"] == "Why: ü"
    assert first["MessageAttributes"] == {"owner": {"DataType": "String", "StringValue": "ann"}}
    assert second["Subject"] == "short"
    assert second["MessageAttributes"] == {}


def test_a_missing_variable_of_the_function_is_named() -> None:
    with pytest.raises(InputError, match="WEIGHBRIDGE_ENVIRONMENT: not set"):
        RegistrarEnvironment.read({})
