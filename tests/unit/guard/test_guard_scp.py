"""The service control policy, judged by who may do what under it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from weighbridge.cli.app import app
from weighbridge.errors import InputError
from weighbridge.guard import service_control_policy
from weighbridge.guard.scp import HOSTING, SIZE_LIMIT
from weighbridge.settings import EnvironmentSettings, load_settings

ROOT = Path(__file__).resolve().parents[3]
DEPLOYER = "arn:aws:iam::{0}:role/cdk-hnb659fds-cfn-exec-role-{0}-eu-central-1"
PERSON = "arn:aws:iam::111111111111:role/Admin"
GOVERNED: dict[str, Any] = {"sagemaker:VpcSubnets": ["subnet-0a"], "sagemaker:VpcSecurityGroupIds": ["sg-0a"]}


def settings(name: str) -> EnvironmentSettings:
    return load_settings(ROOT / "environments" / f"{name}.yaml")


def holds(operator: str, key: str, wanted: Any, context: dict[str, Any]) -> bool:
    """Evaluate one condition as IAM does (User Guide, "IAM JSON policy elements: Condition operators")."""
    values = context.get(key)
    match operator:
        case "Null":
            return (values is None) == (wanted == "true")
        case "Bool":
            return values is not None and str(values).lower() == wanted
        case "ArnNotEquals":
            return values not in wanted
        case "ForAnyValue:StringNotEquals":
            return values is not None and any(value not in wanted for value in values)
    raise AssertionError(f"{operator} is not one that this test knows")


def denied(policy: dict[str, Any], action: str, *, who: str = PERSON, **context: Any) -> set[str]:
    """Return the statements that deny `action`."""
    known = {"aws:PrincipalArn": who, **context}
    return {
        statement["Sid"]
        for statement in policy["Statement"]
        if statement["Effect"] == "Deny"
        and action in statement["Action"]
        and all(
            holds(operator, key, wanted, known)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    }


@pytest.mark.parametrize("action", HOSTING)
def test_only_cloudformation_hosts(action: str) -> None:
    policy: Any = service_control_policy(settings("prod"))
    assert denied(policy, action) == {"HostThroughCloudFormation"}
    assert denied(policy, action, who=DEPLOYER.format("333333333333")) == set()
    assert denied(policy, action, who=DEPLOYER.format("111111111111")) == {"HostThroughCloudFormation"}


def test_what_the_issue_names_is_among_them() -> None:
    named = {
        f"sagemaker:{name}" for name in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint")
    }
    assert named <= set(HOSTING)


def test_capacity_and_deletion_are_left_alone() -> None:
    policy: Any = service_control_policy(settings("prod"))
    for action in (
        "sagemaker:UpdateEndpointWeightsAndCapacities",
        "sagemaker:DeleteEndpoint",
        "sagemaker:InvokeEndpoint",
    ):
        assert denied(policy, action) == set()


def test_an_environment_without_training_trains_nothing() -> None:
    policy: Any = service_control_policy(settings("prod"))
    assert denied(policy, "sagemaker:CreateTrainingJob", **GOVERNED) == {"TrainNothing"}


@pytest.mark.parametrize(
    ("context", "statement"),
    [
        ({"sagemaker:VpcSubnets": None}, "TrainInSubnets"),
        ({"sagemaker:VpcSecurityGroupIds": None}, "TrainInSecurityGroups"),
        ({"sagemaker:EnableRemoteDebug": True}, "TrainWithoutShell"),
    ],
)
def test_training_keeps_to_the_conditions(context: dict[str, Any], statement: str) -> None:
    policy: Any = service_control_policy(settings("dev"))
    assert denied(policy, "sagemaker:CreateTrainingJob", **GOVERNED) == set()
    assert denied(policy, "sagemaker:CreateTrainingJob", **{**GOVERNED, **context}) == {statement}


def test_subnets_that_are_known_are_the_only_ones(tmp_path: Path) -> None:
    document = copy.deepcopy(yaml.safe_load((ROOT / "environments" / "dev.yaml").read_text(encoding="utf-8")))
    document["network"] = {
        "existing": {
            "vpc_id": "vpc-0123456789abcdef0",
            "availability_zones": ["eu-central-1a"],
            "subnet_ids": ["subnet-0123456789abcdef0"],
        }
    }
    path = tmp_path / "dev.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    policy: Any = service_control_policy(load_settings(path))
    ours = {**GOVERNED, "sagemaker:VpcSubnets": ["subnet-0123456789abcdef0"]}
    assert denied(policy, "sagemaker:CreateTrainingJob", **ours) == set()
    mixed = {**ours, "sagemaker:VpcSubnets": ["subnet-0123456789abcdef0", "subnet-0a"]}
    assert denied(policy, "sagemaker:CreateTrainingJob", **mixed) == {"TrainInOurSubnets"}


def test_roles_of_ones_own_replace_the_bootstrapped_one() -> None:
    policy: Any = service_control_policy(settings("prod"), execution_roles=[PERSON])
    assert denied(policy, "sagemaker:CreateModel") == set()
    assert denied(policy, "sagemaker:CreateModel", who=DEPLOYER.format("333333333333"))


@pytest.mark.parametrize("role", ["*", "arn:aws:iam::111111111111:role/*", "arn:aws:iam::1:role/x", "Admin"])
def test_a_pattern_is_no_role(role: str) -> None:
    with pytest.raises(InputError, match="is not a role's ARN"):
        service_control_policy(settings("prod"), execution_roles=[role])


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_the_command_prints_a_policy_that_fits(name: str) -> None:
    done = CliRunner().invoke(app, ["guard", "scp", "--env", name, "--environments", str(ROOT / "environments")])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == service_control_policy(settings(name))
    assert len(done.output) < SIZE_LIMIT
