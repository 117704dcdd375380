"""Start a run on an environment's state machine: find it, say what to train, and follow it to its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.canonical import Json
from weighbridge.errors import CloudError, InputError
from weighbridge.jobs.request import TrainingRun

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

POLL_SECONDS = 10.0


class Started(TypedDict):
    """The part of StartExecution's answer that is needed."""

    executionArn: str


class Described(TypedDict, total=False):
    """The part of DescribeExecution's answer that is needed."""

    status: str
    output: str
    cause: str


class StatesClient(Protocol):
    """The two calls of boto3's client `stepfunctions` that are needed."""

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> Started:  # noqa: A002, N803
        """See the Step Functions API reference, StartExecution."""
        ...

    def describe_execution(self, *, executionArn: str) -> Described:  # noqa: N803
        """See the Step Functions API reference, DescribeExecution."""
        ...


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of the state machine. `status` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.

    `cause` says in words why it failed, `release_id` is what was published.
    """

    arn: str
    status: str
    cause: str | None = None
    release_id: str | None = None


def pipeline_parameter(environment: str) -> str:
    """Return the name of the SSM parameter that holds the ARN of the environment's state machine."""
    return f"/weighbridge/{environment}/training/pipeline"


def find_pipeline(*, client: SSMClient, environment: str) -> str:
    """Return the ARN of the environment's state machine.

    Raises:
        InputError: rule `input.training-pipeline`, when the environment has none.
        CloudError: when SSM refuses or does not answer.
    """
    name = pipeline_parameter(environment)
    try:
        return client.get_parameter(Name=name)["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound as error:
        raise InputError(
            f"{name}: is not there: deploy weighbridge-{environment}-training", rule="input.training-pipeline"
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"ssm:GetParameter {name}: {error}") from error


def run_input(run: TrainingRun) -> dict[str, Json]:
    """Return the input of an execution; the job's name is the execution's."""
    found: dict[str, Json] = {"model": run.model, "version": run.version}
    optional = {
        "channels": dict(run.channels), "hyperparameters": dict(run.hyperparameters), "commit": run.commit, "owner": run.owner
    }  # fmt: skip
    return found | {name: value for name, value in optional.items() if value}


def start_run(*, client: StatesClient, pipeline: str, run: TrainingRun) -> Execution:
    """Start a run; its execution and its job are named `run.job`.

    Raises:
        InputError: rule `input.training-run`, when an execution of that name was started before.
        CloudError: when Step Functions refuses or does not answer.
    """
    try:
        answer = client.start_execution(
            stateMachineArn=pipeline, name=run.job, input=json.dumps(run_input(run), sort_keys=True)
        )
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ExecutionAlreadyExists":
            raise InputError(
                f"job {run.job!r}: was started before: give another --job", rule="input.training-run"
            ) from error
        raise CloudError(f"states:StartExecution of {pipeline}: {error}") from error
    return Execution(arn=answer["executionArn"], status="RUNNING")


def follow(*, client: StatesClient, arn: str, sleep: Callable[[float], None] = time.sleep) -> Execution:
    """Wait for an execution's end and return it.

    Raises:
        CloudError: when Step Functions refuses or does not answer.
    """
    while True:
        try:
            found = client.describe_execution(executionArn=arn)
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"states:DescribeExecution of {arn}: {error}") from error
        if found["status"] not in ("RUNNING", "PENDING_REDRIVE"):
            output = json.loads(found.get("output") or "{}")
            return Execution(
                arn=arn,
                status=found["status"],
                cause=found.get("cause"),
                release_id=output.get("release_id") if isinstance(output, dict) else None,
            )
        sleep(POLL_SECONDS)
