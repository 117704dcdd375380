"""The endpoint assertion's function: a quiet way back fails the deployment, and never the stack's own rollback."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloudformation_caller import STACK_ID, Context, ResponseBucket
from fake_session import FakeBoto3

from lambdas.endpoint_assertion import handler as assertion

OLD, NEW = "Config-old", "Config-new"
DIGEST = f"sha256:{'a' * 64}"
PING = "The primary container for production variant primary did not pass the ping health check."


class Endpoint:
    """SageMaker with one endpoint that goes through `states`, one for each question; the last one stays."""

    def __init__(self, *states: tuple[str, str], reason: str | None = None) -> None:
        self.states = list(states)
        self.reason = reason
        self.asked = 0

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointName == "weighbridge-prod-minilm"
        self.asked += 1
        status, config = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        found = {"EndpointName": EndpointName, "EndpointStatus": status, "EndpointConfigName": config}
        return {**found, "FailureReason": self.reason} if self.reason else found


class Stack:
    """CloudFormation with one stack in one status; None for one that may not be asked."""

    def __init__(self, status: str | None) -> None:
        self.status = status
        self.asked = 0

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == STACK_ID
        self.asked += 1
        if self.status is None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks")
        return {"Stacks": [{"StackName": "inference", "StackStatus": self.status}]}


class Deployed:
    """The function, and CloudFormation before it. `slept` are the pauses it made."""

    def __init__(self, bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch) -> None:
        self._bucket = bucket
        self._patch = monkeypatch
        self.slept: list[float] = []

    def call(
        self,
        kind: str,
        endpoint: object,
        *,
        stack: Stack | None = None,
        config: str = NEW,
        old: str | None = None,
        context: Context | None = None,
        **properties: object,
    ) -> dict[str, object]:
        stack = stack or Stack("UPDATE_IN_PROGRESS")
        self._patch.setattr(assertion, "boto3", FakeBoto3({"sagemaker": endpoint, "cloudformation": stack}))
        self._patch.setattr(assertion, "time", SimpleNamespace(sleep=self.slept.append))
        wanted: dict[str, object] = {
            "EndpointName": "weighbridge-prod-minilm",
            "EndpointConfigName": config,
            "ReleaseDigest": DIGEST,
            **properties,
        }
        before = None if old is None else {**wanted, "EndpointConfigName": old}
        assertion.handler(self._bucket.event(kind, wanted, old=before), context or Context())
        return self._bucket.last


@pytest.fixture
def deployed(bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    return Deployed(bucket, monkeypatch)


def test_an_endpoint_that_runs_what_was_deployed(deployed: Deployed) -> None:
    stack = Stack("CREATE_IN_PROGRESS")
    answer = deployed.call("Create", Endpoint(("InService", NEW)), stack=stack)
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"EndpointConfigName": NEW})
    assert stack.asked == 0


def test_a_quiet_way_back_fails_the_deployment_and_says_where_to_look(deployed: Deployed) -> None:
    endpoint = Endpoint(("InService", OLD), reason=PING)
    answer = deployed.call("Update", endpoint, old=OLD)
    assert answer["Status"] == "FAILED"
    reason = str(answer["Reason"])
    assert PING in reason
    assert f"InService on config '{OLD}', not InService on '{NEW}'" in reason
    assert DIGEST in reason
    assert "/aws/sagemaker/Endpoints/weighbridge-prod-minilm" in reason
    assert "[refused.endpoint]" in reason


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed", "Deleting"])
def test_an_endpoint_that_does_not_serve_fails_the_deployment(deployed: Deployed, status: str) -> None:
    answer = deployed.call("Update", Endpoint((status, NEW)), old=OLD)
    assert answer["Status"] == "FAILED"
    assert status in str(answer["Reason"])


def test_an_endpoint_that_is_under_way_is_waited_for(deployed: Deployed) -> None:
    endpoint = Endpoint(("Updating", OLD), ("SystemUpdating", NEW), ("InService", NEW))
    assert deployed.call("Update", endpoint, old=OLD)["Status"] == "SUCCESS"
    assert deployed.slept == [5.0, 5.0]


def test_waiting_ends_while_there_is_time_to_ask_and_to_answer(deployed: Deployed) -> None:
    endpoint, stack = Endpoint(("Updating", OLD)), Stack("UPDATE_IN_PROGRESS")
    answer = deployed.call("Update", endpoint, stack=stack, old=OLD, context=Context(milliseconds=55_000))
    assert stack.asked == 1
    assert answer["Status"] == "FAILED"
    assert endpoint.asked == 1
    assert "Updating" in str(answer["Reason"])


def test_on_the_way_back_an_endpoint_that_is_back_already_is_right(deployed: Deployed) -> None:
    stack = Stack("UPDATE_ROLLBACK_IN_PROGRESS")
    answer = deployed.call("Update", Endpoint(("InService", OLD), reason=PING), stack=stack, config=OLD, old=NEW)
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"EndpointConfigName": OLD})
    assert stack.asked == 0, "nothing to judge"


def test_on_the_way_back_an_endpoint_whose_turn_is_later_is_not_refused(deployed: Deployed) -> None:
    stack = Stack("UPDATE_ROLLBACK_IN_PROGRESS")
    answer = deployed.call("Update", Endpoint(("InService", NEW)), stack=stack, config=OLD, old=NEW)
    assert (answer["Status"], answer["Data"]) == ("SUCCESS", {"EndpointConfigName": NEW})


def test_the_very_same_event_moving_forward_is_refused(deployed: Deployed) -> None:
    answer = deployed.call(
        "Update", Endpoint(("InService", NEW)), stack=Stack("UPDATE_IN_PROGRESS"), config=OLD, old=NEW
    )
    assert answer["Status"] == "FAILED"


def test_a_stack_that_may_not_be_asked_is_taken_to_move_forward(deployed: Deployed) -> None:
    assert deployed.call("Update", Endpoint(("InService", OLD)), stack=Stack(None), old=OLD)["Status"] == "FAILED"


@pytest.mark.parametrize("endpoint", [Endpoint(("Failed", NEW)), None])
def test_delete_asks_nobody(deployed: Deployed, endpoint: object) -> None:
    assert deployed.call("Delete", endpoint)["Status"] == "SUCCESS"
    assert endpoint is None or isinstance(endpoint, Endpoint)
    assert endpoint is None or endpoint.asked == 0


def test_the_same_event_twice_gives_the_same_answer(deployed: Deployed) -> None:
    endpoint = Endpoint(("InService", OLD), reason=PING)
    assert deployed.call("Update", endpoint, old=OLD) == deployed.call("Update", endpoint, old=OLD)


def test_sagemaker_that_refuses_is_named(deployed: Deployed) -> None:
    class Refusing:
        def describe_endpoint(self, **_: str) -> dict[str, Any]:
            error = {"Error": {"Code": "ValidationException", "Message": "Could not find endpoint"}}
            raise ClientError(error, "DescribeEndpoint")

    answer = deployed.call("Create", Refusing())
    assert "sagemaker:DescribeEndpoint on weighbridge-prod-minilm" in str(answer["Reason"])
    assert "Could not find endpoint" in str(answer["Reason"])


@pytest.mark.parametrize("name", ["EndpointName", "EndpointConfigName", "ReleaseDigest"])
@pytest.mark.parametrize("value", [None, "", 3])
def test_malformed_properties_are_answered(deployed: Deployed, name: str, value: object) -> None:
    answer = deployed.call("Create", Endpoint(("InService", NEW)), **{name: value})
    assert answer["Status"] == "FAILED"
    assert f"ResourceProperties.{name}" in str(answer["Reason"])


def test_a_long_reason_of_sagemaker_leaves_room_for_where_to_look(deployed: Deployed) -> None:
    answer = deployed.call("Update", Endpoint(("InService", OLD), reason="x" * 3000), old=OLD)
    assert "/aws/sagemaker/Endpoints/" in str(answer["Reason"])


def test_its_lines_bear_the_promotions_correlation_id(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.call("Update", Endpoint(("InService", OLD)), old=OLD, ReleaseId=f"3@sha256:{'c' * 64}")
    said = capsys.readouterr()
    told = [json.loads(line) for line in (said.out + said.err).splitlines()]
    assert [(line["event"], line["correlation_id"]) for line in told] == [
        ("answered", "c" * 16),
        ("refused", "c" * 16),
    ]
