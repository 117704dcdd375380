"""Hooks of the local AWS: whom they are asked about, and what a refusal, a crash and a missing function do."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest

from local.aws.hooks import HookFailedError, Hooks, Target
from weighbridge.admission.event import HookCall

ALIAS = "Weighbridge::Admission::Prod"
HOOK: dict[str, Any] = {
    "Alias": ALIAS,
    "FailureMode": "FAIL",
    "HookStatus": "ENABLED",
    "LambdaFunction": "arn:aws:lambda:eu-central-1:111111111111:function:judge",
    "TargetOperations": ["RESOURCE", "CLOUD_CONTROL"],
    "TargetFilters": {
        "Targets": [{"TargetName": "AWS::SageMaker::Model", "Action": "CREATE", "InvocationPoint": "PRE_PROVISION"}]
    },
}
STACK_ID = "arn:aws:cloudformation:eu-central-1:111111111111:stack/mine/1"
TARGET = Target("CREATE", "AWS::SageMaker::Model", "Model", "mine", STACK_ID, {"ModelName": "x"})
REFUSAL = {"hookStatus": "FAILED", "errorCode": "NonCompliant", "message": "no release"}


class Function:
    """The hook's function, and the events that it got."""

    def __init__(self, answer: object, *, failed: bool = False, there: bool = True) -> None:
        self._answer, self._failed, self._there = answer, failed, there
        self.events: list[Any] = []

    def __call__(self, function: str, event: Any) -> tuple[object, bool]:
        assert function == HOOK["LambdaFunction"]
        self.events.append(event)
        if not self._there:
            raise LookupError("the function judge is not there")
        return self._answer, self._failed


def hooks(function: Function, **changes: Any) -> Hooks:
    found = Hooks(invoke=function)
    found.activate({**copy.deepcopy(HOOK), **changes})
    return found


def test_what_the_hook_lets_through_goes_on_and_the_event_is_one_of_cloudformation() -> None:
    function = Function({"hookStatus": "SUCCESS"})
    hooks(function).check(TARGET)
    (event,) = function.events
    call = HookCall.parse(event)
    assert (call.kind, call.logical_id, call.stack, call.properties) == (
        "AWS::SageMaker::Model",
        "Model",
        STACK_ID,
        {"ModelName": "x"},
    )
    assert event["awsAccountId"] == "111111111111"
    assert event["actionInvocationPoint"] == "CREATE_PRE_PROVISION"


@pytest.mark.parametrize(
    "function",
    [
        Function(REFUSAL),
        Function({"errorMessage": "crashed"}, failed=True),
        Function(None),
        Function({"hookStatus": "IN_PROGRESS"}),
        Function({"hookStatus": "SUCCESS"}, there=False),
    ],
    ids=["refused", "crashed", "silent", "undecided", "missing"],
)
def test_everything_but_a_yes_fails_the_resource(function: Function) -> None:
    with pytest.raises(HookFailedError, match=r"The following hook\(s\) failed: \[Weighbridge::Admission::Prod\]"):
        hooks(function).check(TARGET)


def test_a_hook_that_warns_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        hooks(Function(REFUSAL), FailureMode="WARN").check(TARGET)
    assert "mine Model" in caplog.text
    assert "no release" in caplog.text


def test_a_hook_that_is_deactivated_is_not_asked() -> None:
    function = Function(REFUSAL)
    found = hooks(function)
    found.deactivate(ALIAS)
    found.check(TARGET)
    assert function.events == []


@pytest.mark.parametrize(
    "changes",
    [
        {"HookStatus": "DISABLED"},
        {"TargetOperations": ["STACK"]},
        {"TargetFilters": {"Targets": [{**HOOK["TargetFilters"]["Targets"][0], "Action": "UPDATE"}]}},
        {"TargetFilters": {"Targets": [{**HOOK["TargetFilters"]["Targets"][0], "TargetName": "AWS::S3::Bucket"}]}},
        {"StackFilters": {"FilteringCriteria": "ALL", "StackNames": {"Exclude": ["other", "mi*"]}}},
        {"StackFilters": {"FilteringCriteria": "ALL", "StackNames": {"Include": ["yours-*"]}}},
    ],
)
def test_what_a_hook_does_not_aim_at_is_not_asked(changes: dict[str, Any]) -> None:
    function = Function(REFUSAL)
    hooks(function, **changes).check(TARGET)
    assert function.events == []


def test_a_stack_that_is_included_is_asked_about() -> None:
    filters = {"FilteringCriteria": "ALL", "StackNames": {"Include": ["mi?e"], "Exclude": ["yours"]}}
    with pytest.raises(HookFailedError):
        hooks(Function(REFUSAL), StackFilters=filters).check(TARGET)
