"""The state machine's task on the local SageMaker: its answer, its errors' names, and the tag that Step Functions adds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from local.aws.training_task import TAG, TaskError, run_training_job
from local.sagemaker.errors import AwsError

ARGUMENTS: dict[str, Any] = {"TrainingJobName": "a", "Tags": [{"Key": "weighbridge:model", "Value": "minilm"}]}


class SageMaker:
    def __init__(self, *, status: str = "Completed", refusal: AwsError | None = None) -> None:
        self.status, self.refusal = status, refusal
        self.created: Mapping[str, Any] = {}

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "CreateTrainingJob":
            if self.refusal:
                raise self.refusal
            self.created = request
            return {"TrainingJobArn": "arn"}
        return {"TrainingJobName": request["TrainingJobName"], "TrainingJobStatus": self.status, "FailureReason": "why"}

    def wait_training_job(self, job_name: str) -> str:
        return self.status


def test_a_completed_job_is_described_and_tagged() -> None:
    api = SageMaker()
    assert run_training_job(api, ARGUMENTS)["TrainingJobName"] == "a"
    assert api.created["Tags"] == [*ARGUMENTS["Tags"], TAG]


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_any_other_end_fails_the_task_with_the_description(status: str) -> None:
    with pytest.raises(TaskError) as caught:
        run_training_job(SageMaker(status=status), ARGUMENTS)
    assert caught.value.error == "States.TaskFailed"
    assert json.loads(caught.value.cause)["FailureReason"] == "why"


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (AwsError.in_use("taken"), "SageMaker.ResourceInUseException"),
        (AwsError.validation("wrong"), "SageMaker.AmazonSageMakerException"),
    ],
)
def test_a_refused_job_has_the_errors_name_of_the_integration(refusal: AwsError, error: str) -> None:
    with pytest.raises(TaskError) as caught:
        run_training_job(SageMaker(refusal=refusal), ARGUMENTS)
    assert (caught.value.error, caught.value.cause) == (error, refusal.message)
