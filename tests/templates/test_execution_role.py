"""The policies of CloudFormation's execution role cover every resource of the templates, by action and by name, and no more."""

from __future__ import annotations

import dataclasses
import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from template_view import Template, as_list, resources

from tools.generate_resource_actions import TARGET, TYPES, actions
from tools.synthesis import ROOT
from weighbridge.cli.run import run
from weighbridge.errors import InputError
from weighbridge.guard import PARTS, execution_policy, resource_actions
from weighbridge.guard.execution_role import PASSED_TO, SIZE_LIMIT
from weighbridge.settings import EnvironmentSettings, ExistingNetwork, load_environments

ENVIRONMENTS = {each.environment: each for each in load_environments(ROOT / "environments")}
# Without these, an action may be done to anything; none of them reads or opens what lies in a resource.
ANYWHERE = {
    "application-autoscaling", "cloudformation", "cloudwatch", "dynamodb", "ec2", "events", "iam", "kms", "lambda", "logs",
    "route53", "route53resolver", "s3", "sagemaker", "secretsmanager", "sns", "sqs", "ssm", "states",
}  # fmt: skip
NAMES = {
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:PutMetricAlarm", "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "cloudwatch:PutDashboard", "arn:aws:cloudwatch::{account}:dashboard/{name}"),
    "AWS::Events::EventBus": ("Name", "events:CreateEventBus", "arn:aws:events:{region}:{account}:event-bus/{name}"),
    "AWS::IAM::Role": ("RoleName", "iam:CreateRole", "arn:aws:iam::{account}:role/{name}"),
    "AWS::KMS::Alias": ("AliasName", "kms:CreateAlias", "arn:aws:kms:{region}:{account}:{name}"),
    "AWS::SSM::Parameter": ("Name", "ssm:PutParameter", "arn:aws:ssm:{region}:{account}:parameter{name}"),
    "AWS::SageMaker::Endpoint": ("EndpointName", "sagemaker:CreateEndpoint", "arn:aws:sagemaker:{region}:{account}:endpoint/{name}"),
    "AWS::SageMaker::StudioLifecycleConfig": (
        "StudioLifecycleConfigName", "sagemaker:CreateStudioLifecycleConfig",
        "arn:aws:sagemaker:{region}:{account}:studio-lifecycle-config/{name}",
    ),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager:CreateSecret", "arn:aws:secretsmanager:{region}:{account}:secret:{name}-a1b2c3"),
}  # fmt: skip


def allowed(settings: EnvironmentSettings, *, boundary: str | None = None) -> list[dict[str, Any]]:
    """Return the statements of all parts."""
    found: list[dict[str, Any]] = []
    for part in PARTS:
        policy: Any = execution_policy(settings, part=part, boundary=boundary)
        found += policy["Statement"]
    return found


def granted(settings: EnvironmentSettings) -> set[str]:
    return {action for statement in allowed(settings) for action in statement["Action"]}


def may(settings: EnvironmentSettings, action: str, arn: str) -> bool:
    """Whether a statement, its conditions aside, allows the action on the ARN."""
    return any(
        action in statement["Action"] and any(fnmatchcase(arn, pattern) for pattern in statement["Resource"])
        for statement in allowed(settings)
    )


def of_environment(templates: dict[str, Template], environment: str) -> dict[str, Template]:
    return {name: each for name, each in templates.items() if name.startswith(f"weighbridge-{environment}-")}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_type_of_the_templates_is_covered(templates: dict[str, Template], environment: str) -> None:
    rights = granted(ENVIRONMENTS[environment])
    for name, template in of_environment(templates, environment).items():
        for kind in {each["Type"] for each in template["Resources"].values()}:
            needed = {"lambda:InvokeFunction"} if kind.startswith("Custom::") else set(resource_actions()[kind])
            assert needed - rights <= {"kms:ReEncrypt"}, f"{name}: {kind}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_name_of_the_templates_is_within_the_policies(templates: dict[str, Template], environment: str) -> None:
    settings = ENVIRONMENTS[environment]
    checked = set()
    for template in of_environment(templates, environment).values():
        for kind, (key, action, form) in NAMES.items():
            for resource in resources(template, kind).values():
                name = resource["Properties"].get(key)
                if isinstance(name, str):
                    arn = form.format(region=settings.region, account=settings.account, name=name)
                    assert may(settings, action, arn), arn
                    checked.add(kind)
    assert {"AWS::SageMaker::Endpoint", "AWS::CloudWatch::Alarm", "AWS::SecretsManager::Secret"} <= checked


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_cloudformation_names_is_within_the_policies(templates: dict[str, Template], environment: str) -> None:
    settings = ENVIRONMENTS[environment]
    place = f"{settings.region}:{settings.account}"
    for stack in of_environment(templates, environment):
        for action, arn in (
            ("iam:CreateRole", f"arn:aws:iam::{settings.account}:role/{stack[:24]}-Role-1A2B3C"),
            ("iam:CreatePolicy", f"arn:aws:iam::{settings.account}:policy/{stack[:24]}-Policy-1A2B3C"),
            ("lambda:CreateFunction", f"arn:aws:lambda:{place}:function:{stack[:24]}-Function-1A2B3C"),
            ("lambda:InvokeFunction", f"arn:aws:lambda:{place}:function:{stack[:24]}-Function-1A2B3C"),
            ("dynamodb:CreateTable", f"arn:aws:dynamodb:{place}:table/{stack}-Table-1A2B3C"),
            ("s3:CreateBucket", f"arn:aws:s3:::{stack[:24]}-bucket-1a2b3c"),
            ("sqs:CreateQueue", f"arn:aws:sqs:{place}:{stack}-Queue-1A2B3C"),
            ("events:PutRule", f"arn:aws:events:{place}:rule/{stack[:24]}-Rule-1A2B3C"),
            ("logs:CreateLogGroup", f"arn:aws:logs:{place}:log-group:{stack}-Logs-1A2B3C"),
        ):
            assert may(settings, action, arn), arn


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_roles_are_passed_to_the_services_that_assume_them(templates: dict[str, Template], environment: str) -> None:
    services = {
        service
        for template in of_environment(templates, environment).values()
        for role in resources(template, "AWS::IAM::Role").values()
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for service in as_list(statement["Principal"].get("Service", []))
    }
    assert services <= {f"{name}.amazonaws.com" for name in PASSED_TO}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_granted_wholesale(environment: str) -> None:
    settings = ENVIRONMENTS[environment]
    for statement in allowed(settings, boundary="cdk-boundary"):
        assert statement["Action"], statement["Sid"]
        assert not [action for action in statement["Action"] if "*" in action]
        assert {action.partition(":")[0] for action in statement["Action"]} <= ANYWHERE
        if statement["Resource"] == ["*"]:
            changing = [
                a
                for a in statement["Action"]
                if not a.partition(":")[2].startswith(("Describe", "List", "BatchDescribe"))
            ]
            assert not [
                a
                for a in changing
                if a.startswith(("iam:", "s3:", "dynamodb:", "secretsmanager:", "lambda:U", "sagemaker:"))
            ]
    account = f"arn:aws:iam::{settings.account}"
    for role in (f"cdk-hnb659fds-cfn-exec-role-{settings.account}-{settings.region}", "admin"):
        for action in (
            "iam:PutRolePolicy",
            "iam:AttachRolePolicy",
            "iam:PassRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:DeleteRole",
        ):
            assert not may(settings, action, f"{account}:role/{role}")
    rights = granted(settings)
    assert not rights & {
        "secretsmanager:GetSecretValue", "dynamodb:GetItem", "dynamodb:PutItem", "s3:PutObject", "s3:DeleteObject",
        "sagemaker:CreateTrainingJob", "kms:Sign", "iam:CreateUser", "iam:CreateAccessKey", "iam:DeleteRolePermissionsBoundary",
    }  # fmt: skip
    assert not may(settings, "s3:GetObject", "arn:aws:s3:::anything/at-all")


def test_attached_policies_are_our_own_alone(templates: dict[str, Template]) -> None:
    (attaching,) = (s for s in allowed(ENVIRONMENTS["prod"]) if "iam:AttachRolePolicy" in s["Action"])
    assert attaching["Condition"]["ArnLike"] == {"iam:PolicyARN": "arn:aws:iam::333333333333:policy/weighbridge-prod-*"}
    for template in of_environment(templates, "prod").values():
        for role in resources(template, "AWS::IAM::Role").values():
            assert "arn:aws:iam::aws:" not in json.dumps(role["Properties"].get("ManagedPolicyArns", []))


def test_parameters_that_deployments_read(templates: dict[str, Template]) -> None:
    prod = ENVIRONMENTS["prod"]
    for name in ("/cdk-bootstrap/hnb659fds/version", "/weighbridge/prod/minilm/release-id"):
        assert may(prod, "ssm:GetParameters", f"arn:aws:ssm:eu-central-1:333333333333:parameter{name}")
    assert not may(prod, "ssm:GetParameters", "arn:aws:ssm:eu-central-1:333333333333:parameter/weighbridge/dev/x")
    assert not may(
        prod, "ssm:PutParameter", "arn:aws:ssm:eu-central-1:333333333333:parameter/cdk-bootstrap/hnb659fds/version"
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_policy_fits_into_a_managed_policy(environment: str) -> None:
    for part in PARTS:
        text = json.dumps(execution_policy(ENVIRONMENTS[environment], part=part, boundary="cdk-boundary"))
        assert len("".join(text.split())) <= SIZE_LIMIT, part


def test_roles_are_made_with_the_boundary_alone() -> None:
    boundary = "arn:aws:iam::333333333333:policy/cdk-boundary"
    for statement in allowed(ENVIRONMENTS["prod"], boundary="cdk-boundary"):
        if {"iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"} & set(statement["Action"]):
            assert statement["Condition"]["StringEquals"] == {"iam:PermissionsBoundary": boundary}
    with pytest.raises(InputError, match="--boundary: 'weighbridge-prod-x' could be changed by the role itself"):
        execution_policy(ENVIRONMENTS["prod"], part="access", boundary="weighbridge-prod-x")


def test_a_vpc_that_exists_is_left_alone() -> None:
    network = ExistingNetwork(
        vpc_id="vpc-0123456789abcdef0", availability_zones=("eu-central-1a",), subnet_ids=("subnet-0123456789abcdef0",)
    )
    rights = granted(dataclasses.replace(ENVIRONMENTS["prod"], network=network))
    assert "ec2:AuthorizeSecurityGroupEgress" in rights
    assert not rights & {"ec2:CreateVpc", "ec2:DeleteVpc", "ec2:CreateRoute", "route53:ChangeResourceRecordSets"}


def test_the_actions_are_those_of_cloudformations_schemas() -> None:
    assert json.loads(TARGET.read_text(encoding="utf-8")) == actions(), "run tools/generate_resource_actions.py"
    assert set(resource_actions()) == set(TYPES)


def test_the_command_prints_a_part(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert run(["guard", "execution-role", "--env", "prod", "--part", "network", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == execution_policy(ENVIRONMENTS["prod"], part="network")
    assert run(["guard", "execution-role", "--env", "prod", "--part", "everything"]) == InputError.exit_code
    assert "--part: 'everything' is not known: give one of access, network, models, runtime" in capsys.readouterr().err


def test_the_role_itself_is_out_of_reach(tmp_path: Path) -> None:
    """A policy whose name begins like the environment's could be rewritten by the role that it binds; docs/guard.md names others."""
    text = (ROOT / "docs" / "guard.md").read_text(encoding="utf-8")
    assert "--policy-name cdk-weighbridge-prod-" in text
    assert not may(
        ENVIRONMENTS["prod"], "iam:CreatePolicyVersion", "arn:aws:iam::333333333333:policy/cdk-weighbridge-prod-access"
    )
