"""The guard's stack: who is asked, who may look at what, who is told, and nothing that can change anything."""

from __future__ import annotations

import copy
import re
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml
from template_view import Resource, Template, as_list, logical_id, only, resources, statements

from tools.synthesis import ROOT, synthesize
from weighbridge.admission import Admission, Pins
from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge_cdk import (
    AdmissionHook,
    ArtifactoryConnection,
    ChannelPin,
    Reconciler,
    Repositories,
    ResolutionRecords,
)

sys.path.insert(0, str(ROOT / "tests" / "unit" / "admission"))
import guard_world

PROD: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text(encoding="utf-8"))
TOPIC = "arn:aws:sns:eu-central-1:333333333333:operators"
HOOK = "AWS::CloudFormation::LambdaHook"
PIN = ChannelPin(name="prod", root_digest=Digest.of(b"root"))
URL = "https://registry.example.com/artifactory"
NewStack = Callable[[], cdk.Stack]
TemplateOf = Callable[[cdk.Stack], Template]


@pytest.fixture(scope="session")
def guard(templates: dict[str, Template]) -> Template:
    return templates["weighbridge-prod-guard"]


def rights(template: Template, part: str) -> dict[str, Resource]:
    """Statements of the policies of one part of the stack, by action."""
    found = [s for name, s in statements(template) if name.startswith(part)]
    return {action: statement for statement in found for action in as_list(statement["Action"])}


def variables(template: Template, part: str) -> Resource:
    found: Resource = only(template, "AWS::Lambda::Function", starting=part)["Properties"]["Environment"]["Variables"]
    return found


def test_the_hook_warns_first_and_aims_at_everything_that_serves(guard: Template) -> None:
    hook = only(guard, HOOK)["Properties"]
    assert (hook["FailureMode"], hook["HookStatus"]) == ("WARN", "ENABLED")
    assert hook["TargetOperations"] == ["RESOURCE", "CLOUD_CONTROL"]
    assert hook["Alias"] == "Weighbridge::Admission::Prod"
    targets = hook["TargetFilters"]["Targets"]
    assert {(each["TargetName"], each["Action"], each["InvocationPoint"]) for each in targets} == {
        (f"AWS::SageMaker::{kind}", action, "PRE_PROVISION")
        for kind in ("Model", "EndpointConfig", "Endpoint", "InferenceComponent")
        for action in ("CREATE", "UPDATE")
    }
    assert "StackFilters" not in hook


def test_cloudformation_may_call_the_hooks_function_and_nothing_else(guard: Template) -> None:
    role = only(guard, "AWS::IAM::Role", starting="AdmissionRole")["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "hooks.cloudformation.amazonaws.com"}
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    function = logical_id(guard, "AWS::Lambda::Function", starting="Admission")
    assert (statement["Action"], statement["Resource"]) == (
        "lambda:InvokeFunction",
        {"Fn::GetAtt": [function, "Arn"]},
    )
    assert only(guard, HOOK)["Properties"]["LambdaFunction"] == {"Fn::GetAtt": [function, "Arn"]}


def test_the_hook_answers_in_time_and_reads_alone(guard: Template) -> None:
    assert only(guard, "AWS::Lambda::Function", starting="Admission")["Properties"]["Timeout"] < 30
    described = {"cloudformation:DescribeStacks", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"}
    actions = {action for action in rights(guard, "Admission") if not action.startswith("logs:")}
    assert actions == described


def test_a_hook_that_cannot_judge_rings(guard: Template) -> None:
    ended = only(guard, "AWS::CloudWatch::Alarm", starting="AdmissionFailures")["Properties"]
    unjudged = only(guard, "AWS::CloudWatch::Alarm", starting="AdmissionNotJudged")["Properties"]
    assert (ended["Namespace"], ended["MetricName"]) == ("AWS/Lambda", "Errors")
    filtered = only(guard, "AWS::Logs::MetricFilter")["Properties"]
    (counted,) = filtered["MetricTransformations"]
    assert unjudged["MetricName"] == counted["MetricName"] == "AdmissionNotJudged-prod"
    assert filtered["FilterPattern"] == '{ $.event = "not-judged" }'


class Resolved:
    """The values that CloudFormation gives the hook: a release's where the custom resource answers, else a name."""

    values: typing.ClassVar[dict[str, object]] = {
        "ReleaseReference": guard_world.REFERENCE,
        "ImageUri": guard_world.IMAGE,
        "Floor": "root=1",
        "StartupTimeoutSeconds": 600,
        "VolumeSizeInGB": 30,
        "ModelName": "model",
        "EndpointConfigName": "config",
    }

    def __call__(self, value: Any) -> Any:
        match value:
            case {"Fn::GetAtt": [str(), str(attribute)]}:
                return self.values.get(attribute, f"arn:aws:x:::{attribute}")
            case {"Ref": "ReleaseId"}:
                return str(guard_world.ACCEPTED.release_id)
            case {"Ref": str(name)} | {"Fn::ImportValue": str(name)}:
                return name
            case {"Fn::Join": [str(separator), [*parts]]}:
                return separator.join(str(self(part)) for part in parts)
            case dict():
                return {key: self(child) for key, child in value.items()}
            case list():
                return [self(child) for child in value]
            case _:
                return value


def test_the_apps_own_endpoint_passes_the_hook(inference: Template) -> None:
    """What GovernedEndpoint makes, with the values that it has at deployment."""
    kinds = ("Model", "EndpointConfig", "Endpoint")
    made = {kind: Resolved()(only(inference, f"AWS::SageMaker::{kind}")["Properties"]) for kind in kinds}
    variables = made["Model"]["PrimaryContainer"]["Environment"]
    judge = Admission(
        pins=Pins(
            channel="prod",
            root=Digest.parse(PROD["channel"]["root_digest"]),
            registry_url=PROD["registry"]["url"],
        ),
        acceptances=guard_world.Memory(),
        catalogue=guard_world.FakeCatalogue(
            models={"model": made["Model"]}, configs={"config": made["EndpointConfig"]}
        ),
    )
    assert variables["WEIGHBRIDGE_RELEASE"] == guard_world.REFERENCE
    for kind, properties in made.items():
        assert judge.judge(f"AWS::SageMaker::{kind}", properties) == (), kind


def test_the_hook_is_there_after_what_it_needs(guard: Template) -> None:
    needed = set(only(guard, HOOK)["DependsOn"])
    for kind, part in (("AWS::IAM::Policy", "AdmissionDescriptions"), ("AWS::Lambda::Function", "AdmissionFunction")):
        assert logical_id(guard, kind, starting=part) in needed


def test_acceptances_can_be_read_and_not_written_by_the_guard(templates: dict[str, Template]) -> None:
    governance = templates["weighbridge-prod-governance"]
    table = {"Fn::GetAtt": [logical_id(governance, "AWS::DynamoDB::Table", starting="RecordsAcceptances"), "Arn"]}
    for part in ("RecordsReading", "RecordsWatching"):
        found = [s for name, s in statements(governance) if name.startswith(part) and s["Resource"] == table]
        assert [as_list(statement["Action"]) for statement in found] == [["dynamodb:GetItem", "dynamodb:Query"]]


def test_the_reconciler_may_describe_everything_and_change_nothing(guard: Template) -> None:
    found = rights(guard, "Reconciler")
    sagemaker = {action for action in found if action.startswith("sagemaker:")}
    assert sagemaker == {
        "sagemaker:ListEndpoints", "sagemaker:ListInferenceComponents", "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeInferenceComponent", "sagemaker:DescribeModel",
    }  # fmt: skip
    for action in sagemaker:
        everywhere = found[action]["Resource"] == "*"
        assert everywhere == action.startswith("sagemaker:List"), action
    table = {"Fn::GetAtt": [logical_id(guard, "AWS::DynamoDB::Table"), "Arn"]}
    assert found["dynamodb:PutItem"]["Resource"] == table
    assert {action for action in found if action.startswith("dynamodb:")} == {"dynamodb:PutItem", "dynamodb:Query"}
    assert not [action for action in found if re.match(r"(cloudformation|iam|s3|ssm|lambda|securityhub):", action)]


def test_it_may_put_its_own_events_alone(guard: Template) -> None:
    statement = rights(guard, "Reconciler")["events:PutEvents"]
    assert statement["Condition"] == {"StringEquals": {"events:source": "weighbridge.reconciler"}}
    assert statement["Resource"] == "arn:aws:events:eu-central-1:333333333333:event-bus/default"


def test_it_looks_every_fifteen_minutes_within_the_network(guard: Template) -> None:
    rule = only(guard, "AWS::Events::Rule")["Properties"]
    assert rule["ScheduleExpression"] == "rate(15 minutes)"
    function = logical_id(guard, "AWS::Lambda::Function", starting="Reconciler")
    assert rule["Targets"][0]["Arn"] == {"Fn::GetAtt": [function, "Arn"]}
    assert guard["Resources"][function]["Properties"]["VpcConfig"]["SubnetIds"]
    assert variables(guard, "Reconciler")["WEIGHBRIDGE_BEHIND_DAYS"] == "14"
    assert "WEIGHBRIDGE_SECURITY_HUB_PRODUCT" not in variables(guard, "Reconciler")


def test_failure_silence_findings_and_a_revoked_release_ring(guard: Template) -> None:
    found = {
        name.removeprefix("Reconciler")[:-8]: alarm["Properties"]
        for name, alarm in resources(guard, "AWS::CloudWatch::Alarm").items()
        if name.startswith("Reconciler")
    }
    assert {name: alarm["MetricName"] for name, alarm in found.items()} == {
        "Failures": "Errors", "Silence": "EndpointsChecked", "Revoked": "RevokedRunning", "Severe": "SevereFindings",
    }  # fmt: skip
    silence = found["Silence"]
    assert (silence["TreatMissingData"], silence["Statistic"], silence["Period"]) == ("breaching", "SampleCount", 3600)
    assert silence["ComparisonOperator"] == "LessThanThreshold"
    for name in ("Revoked", "Severe"):
        assert (found[name]["Statistic"], found[name]["Threshold"]) == ("Maximum", 1)
        assert found[name]["Dimensions"] == [{"Name": "Environment", "Value": "prod"}]
        assert (found[name]["Namespace"], found[name]["TreatMissingData"]) == ("weighbridge", "ignore")


def test_settings_choose_mode_stacks_schedule_hub_and_topic(tmp_path: Path) -> None:
    settings = copy.deepcopy(PROD)
    settings["channel"]["promote_from"] = None
    settings["alarm_topic"] = TOPIC
    settings["guard"] = {
        "admission": "fail",
        "except_stacks": ["weighbridge-staging-*"],
        "reconciler": {"minutes": 5, "security_hub": True, "behind_days": 3, "except_endpoints": ["lab-*", "x"]},
    }
    guard = _synthesize(tmp_path, settings)["weighbridge-prod-guard"]
    hook = only(guard, HOOK)["Properties"]
    assert hook["FailureMode"] == "FAIL"
    assert hook["StackFilters"] == {
        "FilteringCriteria": "ALL",
        "StackNames": {"Exclude": ["weighbridge-staging-*"]},
    }
    assert only(guard, "AWS::Events::Rule")["Properties"]["ScheduleExpression"] == "rate(5 minutes)"
    found = variables(guard, "Reconciler")
    assert (found["WEIGHBRIDGE_BEHIND_DAYS"], found["WEIGHBRIDGE_EXCEPT_ENDPOINTS"]) == ("3", "lab-*,x")
    imports = rights(guard, "Reconciler")["securityhub:BatchImportFindings"]
    assert imports["Resource"] == found["WEIGHBRIDGE_SECURITY_HUB_PRODUCT"]
    alarms = resources(guard, "AWS::CloudWatch::Alarm").values()
    assert len(alarms) == 6
    assert all(alarm["Properties"]["AlarmActions"] == [TOPIC] for alarm in alarms)


def test_without_both_there_is_no_stack(tmp_path: Path) -> None:
    settings = copy.deepcopy(PROD)
    settings["channel"]["promote_from"] = None
    settings["guard"] = {"admission": "off", "reconciler": {"enabled": False}}
    assert "weighbridge-prod-guard" not in _synthesize(tmp_path, settings)


def _synthesize(folder: Path, settings: dict[str, Any]) -> dict[str, Template]:
    environments = folder / "environments"
    environments.mkdir()
    (environments / "prod.yaml").write_text(yaml.safe_dump(settings))
    context = {"weighbridge:environments": str(environments)}
    found = synthesize(outdir=folder / "out", validation=False, context=context)
    return {name: found.template(name) for name in found.templates()}


def test_both_work_alone(new_stack: NewStack, template_of: TemplateOf) -> None:
    stack = new_stack()
    records = ResolutionRecords(stack, "Records")
    AdmissionHook(
        stack,
        "Admission",
        environment_name="my-prod",
        channel=PIN,
        registry_url=URL,
        records=records,
        failure_mode="FAIL",
        only_stacks=["models-*"],
    )
    Reconciler(
        stack,
        "Reconciler",
        environment_name="my-prod",
        connection=ArtifactoryConnection(
            stack, "Artifactory", url=URL, repositories=Repositories(models="models", records="records")
        ),
        channel=PIN,
        records=records,
        security_hub=True,
    )
    template = template_of(stack)
    hook = only(template, HOOK)["Properties"]
    assert hook["Alias"] == "Weighbridge::Admission::Myprod"
    assert hook["StackFilters"]["StackNames"] == {"Include": ["models-*"]}


@pytest.mark.parametrize("name", ["a b", "-x", "x" * 129])
def test_a_stack_that_cannot_be_is_refused(new_stack: NewStack, name: str) -> None:
    stack = new_stack()
    with pytest.raises(InputError, match="except_stacks"):
        AdmissionHook(
            stack,
            "Admission",
            environment_name="prod",
            channel=PIN,
            registry_url=URL,
            records=ResolutionRecords(stack, "Records"),
            except_stacks=[name],
        )


def test_a_revoked_release_cannot_run_for_longer_than_fifteen_minutes_unseen(new_stack: NewStack) -> None:
    stack = new_stack()
    repositories = Repositories(models="models", records="records")
    with pytest.raises(InputError, match="every: 16 minutes: give 1 to 15 minutes"):
        Reconciler(
            stack,
            "Reconciler",
            environment_name="prod",
            connection=ArtifactoryConnection(stack, "Artifactory", url=URL, repositories=repositories),
            channel=PIN,
            records=ResolutionRecords(stack, "Records"),
            every=cdk.Duration.minutes(16),
        )
