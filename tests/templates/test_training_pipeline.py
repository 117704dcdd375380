"""The state machine: sound by cfn-lint's rules and by its own graph, and what it may do."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from template_view import Resource, Template, as_list, logical_id, only, resources, statements

from weighbridge.jobs.compute import Compute
from weighbridge.jobs.request import TrainingPlatform, governed_request
from weighbridge_cdk.pipeline_states import Steps, Train, definition

FUNCTION = "arn:aws:lambda:eu-central-1:111111111111:function"
STEPS = Steps(
    partition="aws",
    registrar=f"{FUNCTION}:registrar",
    topic="arn:aws:sns:eu-central-1:111111111111:notices",
    inspector=f"{FUNCTION}:inspector",
)
PLATFORM = TrainingPlatform(
    role="arn:aws:iam::111111111111:role/training",
    subnets=("subnet-1",),
    security_groups=("sg-1",),
    bucket="data",
    key="arn:aws:kms:eu-central-1:111111111111:key/1",
    environment={"WEIGHBRIDGE_TOKEN_SECRET_ID": "weighbridge/dev/artifactory-training"},
)
COMPUTE = Compute(
    instance_type="ml.g5.12xlarge", distribution="torchrun", spot=True, checkpoints=True, max_runtime_seconds=3600
)
IMAGE = f"111111111111.dkr.ecr.eu-central-1.amazonaws.com/train@sha256:{'1' * 64}"
Machine = dict[str, Any]


def machine(*, steps: Steps = STEPS, starts: bool = True) -> Machine:
    train = Train(
        request=governed_request(platform=PLATFORM, compute=COMPUTE, image=IMAGE),
        compute=COMPUTE,
        bucket="data",
        channels={"train": "s3://data/input/train/"},
    )
    return definition(steps=steps, train=train if starts else None, pipeline="dev/Pipeline")


def complaints(found: Machine) -> list[str]:
    """What cfn-lint says of the definition; rule E3601 is the language's schema."""
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs
    from cfnlint.core import get_rules

    properties = {"RoleArn": "arn:aws:iam::111111111111:role/states", "Definition": found}
    template = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    config = ManualArgs(regions=["eu-central-1"])
    return [
        match.message for match in lint(json.dumps(template), get_rules([], [], []), ["eu-central-1"], config=config)
    ]


def nexts(state: Machine) -> Iterator[str]:
    yield from (state[key] for key in ("Next", "Default") if key in state)
    yield from (rule["Next"] for key in ("Choices", "Catch") for rule in state.get(key, ()))


def graph_problems(found: Machine) -> list[str]:
    """States that nobody reaches, that lead nowhere, or that no end follows."""
    states = found["States"]
    seen, todo, problems = set(), [found["StartAt"]], []
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in states:
            problems.append(f"{name} is not there")
            continue
        following = list(nexts(states[name]))
        if not following and states[name]["Type"] not in ("Succeed", "Fail"):
            problems.append(f"{name} ends in the middle")
        todo += following
    return problems + [f"{name} is never reached" for name in states if name not in seen]


@pytest.mark.parametrize("steps", [STEPS, Steps(partition="aws", registrar="r", topic="t")], ids=["whole", "plain"])
@pytest.mark.parametrize("starts", [True, False])
def test_every_state_is_reached_and_leads_to_an_end(steps: Steps, starts: bool) -> None:
    assert graph_problems(machine(steps=steps, starts=starts)) == []


def test_the_definition_is_the_states_language_and_wrong_ones_are_caught() -> None:
    assert complaints(machine()) == []
    for change in (
        lambda states: states["Publish"].pop("Resource"),
        lambda states: states["Register"].update(ResultPath="$.x"),
        lambda states: states["Train"]["Retry"][0].update(MaxAttempts="many"),
        lambda states: states["Registered"]["Choices"][0].pop("Condition"),
    ):
        wrong = copy.deepcopy(machine())
        change(wrong["States"])
        assert complaints(wrong) != []
    wrong = copy.deepcopy(machine())
    wrong["States"]["Register"]["Next"] = "Nowhere"
    assert "Nowhere is not there" in graph_problems(wrong)


def test_every_task_has_a_limit_is_repeated_and_its_failure_is_told() -> None:
    tasks = {name: state for name, state in machine()["States"].items() if state["Type"] == "Task"}
    assert set(tasks) == {"Train", "Register", "Inspect", "Publish", "Tell", "TellPlainly"}
    for name, state in tasks.items():
        assert state["Retry"], name
        if name != "TellPlainly":
            assert state["TimeoutSeconds"] > 0, name
            (caught,) = state["Catch"]
            assert caught["ErrorEquals"] == ["States.ALL"]
            assert caught["Next"] == ("TellPlainly" if name == "Tell" else "Tell")
        for rule in state["Retry"][:-1]:
            assert "States.ALL" not in rule["ErrorEquals"], "it hides those after it"


def test_a_run_may_change_nothing_that_the_platform_decided() -> None:
    arguments = machine()["States"]["Train"]["Arguments"]
    governed = governed_request(platform=PLATFORM, compute=COMPUTE, image=IMAGE)
    assert {name: arguments[name] for name in governed} == governed
    free = {name: value for name, value in arguments.items() if "$states" in json.dumps(value)}
    assert set(free) == {"TrainingJobName", "HyperParameters", "InputDataConfig", "Tags", "CheckpointConfig"}
    assert arguments["HyperParameters"].endswith(
        '{"sagemaker_instance_type": "\\"ml.g5.12xlarge\\"", "sagemaker_torch_distributed_enabled": "true"}]) %}'
    ), "what is merged last wins"


def test_only_a_clean_release_is_published() -> None:
    states = machine()["States"]
    assert states["Inspected"]["Choices"] == [{"Condition": "{% $states.input.outcome = 'clean' %}", "Next": "Publish"}]
    assert states["Inspected"]["Default"] == "Blocked"
    assert [name for name, state in states.items() if "Publish" in nexts(state)] == ["Inspected"]


@pytest.fixture(scope="session")
def training(templates: dict[str, Template]) -> Template:
    return templates["weighbridge-dev-training"]


def of_machine(template: Template) -> list[Resource]:
    return [each for name, each in statements(template) if name.startswith("PipelineRole") or "PipelineJobs" in name]


def test_the_machine_passes_the_jobs_role_to_sagemaker_and_signs_nothing(training: Template) -> None:
    found = of_machine(training)
    allowed = {action for statement in found for action in as_list(statement["Action"])}
    assert not [action for action in allowed if action.startswith(("kms:Sign", "secretsmanager:", "dynamodb:", "ssm:"))]
    (passing,) = [statement for statement in found if "iam:PassRole" in as_list(statement["Action"])]
    assert passing["Resource"] == {
        "Fn::GetAtt": [logical_id(training, "AWS::IAM::Role", starting="TrainingRole"), "Arn"]
    }
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    (calls,) = [statement for statement in found if "lambda:InvokeFunction" in as_list(statement["Action"])]
    assert calls["Resource"] == [
        {"Fn::GetAtt": [logical_id(training, "AWS::Lambda::Function", starting=name), "Arn"]}
        for name in ("Inspector", "Registrar")
    ]


def test_its_log_and_traces_hold_no_input_and_no_output(training: Template) -> None:
    found = only(training, "AWS::StepFunctions::StateMachine")["Properties"]
    assert found["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert found["LoggingConfiguration"]["Level"] == "ALL"
    assert found["TracingConfiguration"] == {"Enabled": True}


def test_jobs_that_the_machine_did_not_start_are_taken_over_by_it_and_by_nobody_else(training: Template) -> None:
    rule = only(training, "AWS::Events::Rule")["Properties"]
    assert rule["EventPattern"]["detail"] == {
        "TrainingJobStatus": ["Completed", "Failed", "Stopped"],
        "Tags": {"weighbridge:pipeline": [{"exists": False}]},
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": logical_id(training, "AWS::StepFunctions::StateMachine")}
    assert target["InputTransformer"] == {
        "InputPathsMap": {"detail-TrainingJobName": "$.detail.TrainingJobName"},
        "InputTemplate": '{"training_job":<detail-TrainingJobName>}',
    }
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [logical_id(training, "AWS::SQS::Queue"), "Arn"]}}


def test_a_failed_execution_rings_and_the_command_finds_the_machine(training: Template) -> None:
    alarm = only(training, "AWS::CloudWatch::Alarm", starting="Pipeline")["Properties"]
    assert (alarm["MetricName"], alarm["Namespace"], alarm["Threshold"]) == ("ExecutionsFailed", "AWS/States", 0)
    parameter = only(training, "AWS::SSM::Parameter", starting="Pipeline")["Properties"]
    assert parameter["Name"] == "/weighbridge/dev/training/pipeline"
    assert parameter["Value"] == {"Ref": logical_id(training, "AWS::StepFunctions::StateMachine")}


def test_the_deployed_definition_is_whole_and_holds_the_jobs_of_the_settings(training: Template) -> None:
    assert resources(training, "AWS::StepFunctions::StateMachine")
    found = only(training, "AWS::StepFunctions::StateMachine")["Properties"]["DefinitionString"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else "TOKEN" for part in found)
    states = json.loads(text)["States"]
    request = states["Train"]["Arguments"]
    assert request["ResourceConfig"]["InstanceType"] == "ml.c6i.2xlarge"
    assert request["EnableNetworkIsolation"] is False
    assert "s3://TOKEN/input/train/" in request["InputDataConfig"]
    assert graph_problems(json.loads(text)) == []
