"""The state machine's task `sagemaker:createTrainingJob.sync`, which MiniStack lacks, on the local SageMaker.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

from local.aws.handler import Json, JsonObject
from local.sagemaker.errors import AwsError

RESOURCE = "arn:aws:states:::sagemaker:createTrainingJob"
# Step Functions tags what it starts with .sync, and needs the right to.
TAG: JsonObject = {"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}


class TaskError(Exception):
    """How a task failed, as Retry and Catch see it."""

    def __init__(self, *, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class TrainingApi(Protocol):
    """What is needed of the local SageMaker."""

    def call(self, operation: str, request: Mapping[str, Json]) -> JsonObject: ...

    def wait_training_job(self, job_name: str) -> str: ...


def run_training_job(sagemaker: TrainingApi, arguments: Mapping[str, Json]) -> JsonObject:
    """Start the job and wait for its end; return what DescribeTrainingJob answers.

    Raises:
        TaskError: `SageMaker.*` when the job is refused, `States.TaskFailed` when it does not end as Completed.
    """
    tags = arguments.get("Tags")
    given = list(tags) if isinstance(tags, list | tuple) else []
    try:
        sagemaker.call("CreateTrainingJob", {**arguments, "Tags": [*given, TAG]})
        name = str(arguments["TrainingJobName"])
        status = sagemaker.wait_training_job(name)
        described = sagemaker.call("DescribeTrainingJob", {"TrainingJobName": name})
    except AwsError as error:
        known = {"ResourceInUse": "ResourceInUseException", "ResourceLimitExceeded": "ResourceLimitExceededException"}
        code = known.get(error.code, "AmazonSageMakerException")
        raise TaskError(error=f"SageMaker.{code}", cause=error.message) from error
    if status != "Completed":
        raise TaskError(error="States.TaskFailed", cause=json.dumps(described))
    return described
