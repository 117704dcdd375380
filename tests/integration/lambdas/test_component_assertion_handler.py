"""The assertion over an inference component: what was deployed serves, from a copy that started."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloudformation_caller import STACK_ID, Context, ResponseBucket
from fake_session import FakeBoto3

from lambdas.endpoint_assertion import handler as assertion

DIGEST = f"sha256:{'a' * 64}"
OLD, NEW = "Model-old", "Model-new"


class SageMaker:
    """An endpoint on its config, and a component that goes through `states`: status, model, copies; the last one stays."""

    def __init__(self, *states: tuple[str, str, int], reason: str | None = None) -> None:
        self.states = list(states)
        self.reason = reason

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        return {"EndpointName": EndpointName, "EndpointStatus": "InService", "EndpointConfigName": "Config"}

    def describe_inference_component(self, *, InferenceComponentName: str) -> dict[str, Any]:  # noqa: N803
        assert InferenceComponentName == "minilm"
        if not self.states:
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": "gone"}}, "DescribeInferenceComponent"
            )
        status, model, copies = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        found: dict[str, Any] = {
            "InferenceComponentStatus": status,
            "Specification": {"ModelName": model},
            "RuntimeConfig": {"CurrentCopyCount": copies},
        }
        return {**found, "FailureReason": self.reason} if self.reason else found


class Stack:
    def __init__(self, status: str) -> None:
        self.status = status

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == STACK_ID
        return {"Stacks": [{"StackName": "inference", "StackStatus": self.status}]}


class Deployed:
    """The function, and CloudFormation before it. `slept` are the pauses it made."""

    def __init__(self, bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch) -> None:
        self._bucket = bucket
        self._patch = monkeypatch
        self.slept: list[float] = []

    def update(
        self, sagemaker: SageMaker, *, model: str = NEW, old: str | None = OLD, status: str = "UPDATE_IN_PROGRESS"
    ) -> dict[str, Any]:
        self._patch.setattr(assertion, "boto3", FakeBoto3({"sagemaker": sagemaker, "cloudformation": Stack(status)}))
        self._patch.setattr(assertion, "time", SimpleNamespace(sleep=self.slept.append))
        wanted = {
            "EndpointName": "minilm",
            "EndpointConfigName": "Config",
            "ReleaseDigest": DIGEST,
            "ComponentName": "minilm",
            "ComponentModelName": model,
        }
        before = None if old is None else {**wanted, "ComponentModelName": old}
        assertion.handler(self._bucket.event("Create" if old is None else "Update", wanted, old=before), Context())
        return dict(self._bucket.last)


@pytest.fixture
def deployed(bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    return Deployed(bucket, monkeypatch)


def test_a_component_that_serves_the_new_model_from_a_copy(deployed: Deployed) -> None:
    assert deployed.update(SageMaker(("Updating", OLD, 1), ("InService", NEW, 1)))["Status"] == "SUCCESS"
    assert deployed.slept == [5.0]


def test_a_quiet_way_back_fails_the_deployment_and_says_where_to_look(deployed: Deployed) -> None:
    answer = deployed.update(
        SageMaker(("InService", OLD, 1), reason="The container did not pass the ping health check.")
    )
    assert answer["Status"] == "FAILED"
    reason = answer["Reason"]
    assert f"InService with model '{OLD}', not InService with '{NEW}'" in reason
    assert "ping health check" in reason
    assert DIGEST in reason
    assert "/aws/sagemaker/InferenceComponents/minilm" in reason
    assert "[refused.endpoint]" in reason


@pytest.mark.parametrize("old", [OLD, None])
def test_a_new_model_that_no_copy_loaded_is_not_taken_for_deployed(deployed: Deployed, old: str | None) -> None:
    answer = deployed.update(SageMaker(("InService", NEW, 0)), old=old)
    assert answer["Status"] == "FAILED"
    assert "has no copy" in answer["Reason"]
    assert "wake it with a request, then deploy again" in answer["Reason"]


def test_a_component_at_rest_may_have_no_copy_when_its_model_is_the_old_one(deployed: Deployed) -> None:
    assert deployed.update(SageMaker(("InService", NEW, 0)), old=NEW)["Status"] == "SUCCESS"


@pytest.mark.parametrize("state", [("InService", NEW, 1), ("InService", OLD, 0), ("Failed", NEW, 0)])
def test_a_rollback_is_never_refused(deployed: Deployed, state: tuple[str, str, int]) -> None:
    answer = deployed.update(SageMaker(state), model=OLD, old=NEW, status="UPDATE_ROLLBACK_IN_PROGRESS")
    assert answer["Status"] == "SUCCESS"


def test_a_component_that_failed_or_is_gone_fails_the_deployment(deployed: Deployed) -> None:
    assert "is Failed with model" in deployed.update(SageMaker(("Failed", NEW, 0)))["Reason"]
    assert "sagemaker:DescribeInferenceComponent on minilm" in deployed.update(SageMaker())["Reason"]


def test_waiting_ends_while_there_is_time_to_answer(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 55_000)
    answer = deployed.update(SageMaker(("Updating", NEW, 0)))
    assert deployed.slept == []
    assert "is Updating with model" in answer["Reason"]
