"""Starting a run: which state machine, what it is told, and what is said when that does not work."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from weighbridge.errors import CloudError, InputError
from weighbridge.jobs.request import TrainingRun
from weighbridge.jobs.start import find_pipeline, follow, run_input, start_run

ARN = "arn:aws:states:eu-central-1:111111111111:stateMachine:pipeline"
EXECUTION = "arn:aws:states:eu-central-1:111111111111:execution:pipeline:minilm-1"
RUN = TrainingRun(job="minilm-1", model="minilm", version="1.0.0", hyperparameters={"epochs": "3"}, owner="ann")


class States:
    """Step Functions with one execution, whose descriptions follow each other."""

    def __init__(self, *descriptions: dict[str, str], error: str | None = None) -> None:
        self.descriptions = list(descriptions)
        self.error = error
        self.started: list[dict[str, Any]] = []

    def start_execution(self, **words: Any) -> Any:
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": self.error}}, "StartExecution")
        self.started.append(words)
        return {"executionArn": EXECUTION}

    def describe_execution(self, **words: Any) -> Any:
        assert words == {"executionArn": EXECUTION}
        return self.descriptions.pop(0)


def ssm(*answers: tuple[str, dict[str, Any]]) -> Any:
    client = boto3.client("ssm", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    stubber = Stubber(client)
    for kind, answer in answers:
        if kind == "answer":
            stubber.add_response("get_parameter", answer, {"Name": "/weighbridge/dev/training/pipeline"})
        else:
            stubber.add_client_error("get_parameter", kind)
    stubber.activate()
    return client


def test_the_state_machine_is_found_by_its_parameter() -> None:
    client = ssm(("answer", {"Parameter": {"Value": ARN}}))
    assert find_pipeline(client=client, environment="dev") == ARN
    with pytest.raises(InputError, match="deploy weighbridge-dev-training"):
        find_pipeline(client=ssm(("ParameterNotFound", {})), environment="dev")
    with pytest.raises(CloudError, match="ssm:GetParameter"):
        find_pipeline(client=ssm(("AccessDeniedException", {})), environment="dev")


def test_a_run_says_what_it_has_and_no_more() -> None:
    assert run_input(RUN) == {
        "model": "minilm", "version": "1.0.0", "hyperparameters": {"epochs": "3"}, "owner": "ann"
    }  # fmt: skip
    client = States()
    assert start_run(client=client, pipeline=ARN, run=RUN).status == "RUNNING"
    (started,) = client.started
    assert (started["stateMachineArn"], started["name"]) == (ARN, "minilm-1")
    assert json.loads(started["input"]) == run_input(RUN)


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("ExecutionAlreadyExists", InputError, "was started before: give another --job"),
        ("AccessDeniedException", CloudError, "states:StartExecution"),
    ],
)
def test_a_refused_start_is_one_line(code: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        start_run(client=States(error=code), pipeline=ARN, run=RUN)


def test_an_execution_is_followed_to_its_end() -> None:
    slept: list[float] = []
    client = States(
        {"status": "RUNNING"}, {"status": "PENDING_REDRIVE"},
        {"status": "SUCCEEDED", "output": json.dumps({"release_id": "1@sha256:aa"})},
    )  # fmt: skip
    ended = follow(client=client, arn=EXECUTION, sleep=slept.append)
    assert (ended.status, ended.release_id, len(slept)) == ("SUCCEEDED", "1@sha256:aa", 2)
    failed = follow(client=States({"status": "FAILED", "cause": "CUDA out of memory"}), arn=EXECUTION)
    assert (failed.status, failed.cause, failed.release_id) == ("FAILED", "CUDA out of memory", None)
