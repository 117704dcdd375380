"""The watcher's function: once per rolled-back stack, the parameter holds what runs, and the failed id is marked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from aws_memory import TABLE, AwsMemory
from cloudformation_caller import STACK_ID, Context
from fake_session import FakeBoto3
from trust_world import NOW

from lambdas.release_watcher import handler as watcher
from weighbridge.errors import CloudError, InputError
from weighbridge.names import Digest, ReleaseId
from weighbridge.resolution import Acceptance, DynamoDbAcceptances, Mark, Scope
from weighbridge.rollout import ReleaseParameter
from weighbridge.trust import Floor

SCOPE = Scope(channel="prod", model="minilm")
PARAMETER = "/weighbridge/prod/minilm/release-id"


def release_id(sequence: int) -> ReleaseId:
    return ReleaseId(sequence=sequence, digest=Digest.of(b"promotion %d" % sequence))


ONE, TWO, THREE = (release_id(sequence) for sequence in (1, 2, 3))


def rolled_back(status: str = "UPDATE_ROLLBACK_COMPLETE") -> dict[str, object]:
    """Return the event as EventBridge sends it."""
    return {
        "version": "0",
        "id": "3d0e5e0c-7b0f-4b0e-9f0e-1f0e5e0c7b0f",
        "detail-type": "CloudFormation Stack Status Change",
        "source": "aws.cloudformation",
        "account": "111111111111",
        "time": "2026-11-23T12:00:00Z",
        "region": "eu-central-1",
        "resources": [STACK_ID],
        "detail": {"stack-id": STACK_ID, "status-details": {"status": status, "status-reason": ""}},
    }


class Stack:
    """CloudFormation with one stack, after its rollback."""

    def __init__(self, running: ReleaseId, *, status: str = "UPDATE_ROLLBACK_COMPLETE") -> None:
        self.status = status
        self.parameters = [
            {"ParameterKey": "BootstrapVersion", "ParameterValue": "/cdk-bootstrap/version", "ResolvedValue": "30"},
            {"ParameterKey": "ReleaseId", "ParameterValue": PARAMETER, "ResolvedValue": str(running)},
        ]

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == STACK_ID
        return {"Stacks": [{"StackStatus": self.status, "Parameters": self.parameters}]}


class Deployed:
    """The function with a parameter and a table."""

    def __init__(self, aws: AwsMemory, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = DynamoDbAcceptances(client=aws.dynamodb, table=TABLE)
        self.ssm = boto3.client("ssm")
        self._patch = monkeypatch

    def write(self, *ids: ReleaseId) -> None:
        for value in ids:
            self.ssm.put_parameter(Name=PARAMETER, Value=str(value), Type="String", Overwrite=True)

    def accept(self, *ids: ReleaseId) -> None:
        for value in ids:
            self.store.accept(
                Acceptance(
                    scope=SCOPE,
                    release_id=value,
                    version="1.0.0",
                    release=Digest.of(str(value).encode()),
                    image=f"registry.example.com/inference@{Digest.of(b'image')}",
                    load_bytes=1,
                    promoted_at=NOW,
                    floor=Floor({"root": 1}),
                    root=Digest.of(b"root"),
                    accepted_at=NOW,
                )
            )

    def call(self, stack: Stack, event: dict[str, object] | None = None, *, ssm: object = None) -> None:
        clients: dict[str, Any] = {"cloudformation": stack, "ssm": ssm or self.ssm}
        self._patch.setattr(watcher, "boto3", FakeBoto3(clients))
        watcher.handler(event or rolled_back(), Context())

    @property
    def value(self) -> str:
        return self.ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"]

    @property
    def versions(self) -> int:
        return self.ssm.get_parameter(Name=PARAMETER)["Parameter"]["Version"]

    def failed(self) -> list[ReleaseId]:
        return [value for value, kind in self.store.history(SCOPE).marks if kind == "failed"]


@pytest.fixture
def deployed(aws: AwsMemory, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    monkeypatch.setenv("WEIGHBRIDGE_ACCEPTANCE_TABLE", TABLE)
    monkeypatch.setenv("WEIGHBRIDGE_CHANNEL", "prod")
    monkeypatch.setenv("WEIGHBRIDGE_MODEL", "minilm")
    monkeypatch.setenv("WEIGHBRIDGE_RELEASE_PARAMETER", PARAMETER)
    return Deployed(aws, monkeypatch)


def test_the_parameter_is_set_back_and_the_failed_id_marked(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.accept(ONE, TWO)
    deployed.write(ONE, TWO)
    deployed.call(Stack(ONE))
    assert deployed.value == str(ONE)
    assert deployed.failed() == [TWO]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("Alarm") for line in lines] == ["rolled-back", None]
    assert {line["correlation_id"] for line in lines} == {TWO.digest.hex[:16]}, "who follows what failed finds its end"
    assert (lines[1]["running"], lines[1]["failed"], lines[1]["parameter_set"]) == (str(ONE), str(TWO), True)


def test_the_same_event_five_times_has_one_effect(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.accept(ONE, TWO)
    deployed.write(ONE, TWO)
    for _ in range(5):
        deployed.call(Stack(ONE))
    assert deployed.value == str(ONE)
    assert deployed.versions == 3, "one write"
    assert deployed.failed() == [TWO]
    assert capsys.readouterr().out.count('"Alarm": "rolled-back"') == 1


def test_an_id_that_the_resolver_refused_is_set_back_too(deployed: Deployed) -> None:
    deployed.accept(ONE)
    deployed.store.mark(SCOPE, Mark(TWO, "tried", "asked for", NOW))
    deployed.write(ONE, TWO)
    deployed.call(Stack(ONE))
    assert deployed.value == str(ONE)
    assert deployed.failed() == [TWO]


def test_an_id_that_was_promoted_meanwhile_is_left_alone(deployed: Deployed) -> None:
    deployed.accept(ONE, TWO)
    deployed.write(ONE, TWO, THREE)
    deployed.call(Stack(ONE))
    assert deployed.value == str(THREE)
    assert deployed.versions == 3
    assert deployed.failed() == [TWO], "the one that failed is marked all the same"


def test_a_failed_change_of_infrastructure_sets_nothing_back(deployed: Deployed) -> None:
    deployed.accept(ONE)
    deployed.write(ONE)
    deployed.call(Stack(ONE))
    assert (deployed.value, deployed.versions, deployed.failed()) == (str(ONE), 1, [])


def test_a_late_event_leaves_a_stack_that_moved_on_alone(deployed: Deployed) -> None:
    deployed.accept(ONE, TWO, THREE)
    deployed.write(ONE, TWO, ONE, THREE)
    for status in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_IN_PROGRESS"):
        deployed.call(Stack(ONE, status=status))
    assert (deployed.value, deployed.failed()) == (str(THREE), [])


def test_a_second_failure_is_marked_beside_the_first(deployed: Deployed) -> None:
    deployed.accept(ONE, TWO)
    deployed.write(ONE, TWO)
    deployed.call(Stack(ONE))
    deployed.accept(THREE)
    deployed.write(THREE)
    deployed.call(Stack(ONE))
    assert deployed.value == str(ONE)
    assert sorted(deployed.failed(), key=lambda value: value.sequence) == [TWO, THREE]


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_other_ends_leave_nothing_to_set_back(deployed: Deployed, status: str) -> None:
    deployed.accept(ONE)
    deployed.write(ONE)
    deployed.call(Stack(TWO, status=status), rolled_back(status))
    assert (deployed.value, deployed.versions, deployed.failed()) == (str(ONE), 1, [])


def test_killed_between_mark_and_parameter_it_is_repeated(deployed: Deployed) -> None:
    deployed.accept(ONE, TWO)
    deployed.write(ONE, TWO)

    class Dying:
        """SSM that is gone when the parameter is to be written."""

        def __getattr__(self, name: str) -> Any:
            return getattr(deployed.ssm, name)

        def put_parameter(self, **_: object) -> None:
            raise SystemExit(1)

    with pytest.raises(SystemExit):
        deployed.call(Stack(ONE), ssm=Dying())
    assert (deployed.value, deployed.failed()) == (str(TWO), [TWO])
    deployed.call(Stack(ONE))
    assert deployed.value == str(ONE)


def test_somebody_who_promotes_between_read_and_write_wins(deployed: Deployed) -> None:
    deployed.accept(ONE, TWO)
    deployed.write(ONE, TWO)

    class Racing:
        """SSM where somebody promotes just before the first write."""

        raced = False

        def __getattr__(self, name: str) -> Any:
            return getattr(deployed.ssm, name)

        def put_parameter(self, **options: Any) -> Any:
            if not self.raced:
                self.raced = True
                deployed.write(THREE)
            return deployed.ssm.put_parameter(**options)

    deployed.call(Stack(ONE), ssm=Racing())
    assert deployed.value == str(THREE)
    assert deployed.failed() == [TWO]


def test_a_parameter_that_changed_since_it_was_read_is_left_alone(deployed: Deployed) -> None:
    deployed.write(ONE, TWO)
    parameter = ReleaseParameter(client=deployed.ssm, name=PARAMETER)
    read = parameter.read()
    deployed.write(THREE)
    assert not parameter.replace(expected=read, release_id=ONE)
    assert not parameter.replace(expected=replace(parameter.read(), version=2), release_id=ONE)
    assert (deployed.value, deployed.versions) == (str(THREE), 3), "not written and put back: not written at all"


def test_a_stack_that_does_not_say_what_runs_is_an_error(deployed: Deployed) -> None:
    deployed.accept(ONE, TWO)
    deployed.write(ONE, TWO)
    stack = Stack(ONE)
    stack.parameters.pop()
    with pytest.raises(CloudError, match="no template parameter took its value from SSM parameter /weighbridge/prod"):
        deployed.call(stack)
    assert (deployed.value, deployed.failed()) == (str(TWO), [])


def test_an_emulator_may_resolve_the_value_in_place(deployed: Deployed) -> None:
    deployed.accept(ONE, TWO)
    deployed.write(ONE, TWO)
    stack = Stack(ONE)
    stack.parameters[1] = {"ParameterKey": "ReleaseId", "ParameterValue": str(ONE)}
    deployed.call(stack)
    assert deployed.value == str(ONE)


def test_a_missing_parameter_is_an_error_that_names_it(deployed: Deployed) -> None:
    with pytest.raises(CloudError, match=f"ssm:GetParameter on {PARAMETER}"):
        deployed.call(Stack(ONE))


@pytest.mark.parametrize(
    "event",
    [
        {},
        {**rolled_back(), "detail-type": "Something else"},
        {**rolled_back(), "detail": None},
        {**rolled_back(), "detail": {"stack-id": STACK_ID}},
        {**rolled_back(), "detail": {"stack-id": 1, "status-details": {"status": "UPDATE_ROLLBACK_COMPLETE"}}},
    ],
)
def test_an_event_of_another_kind_is_refused(deployed: Deployed, event: dict[str, object]) -> None:
    with pytest.raises(InputError, match="detail"):
        watcher.handler(event, Context())
