"""Training code can reach no signing key, and no function that signs: on the IAM of every template, for every role there is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from template_view import Template, as_list, resources

# Who may sign, by the beginning of the role's logical id; everybody else may sign with nothing.
SIGNERS = ("RegistrarFunction", "InspectorFunction", "KeeperFunction", "ApprovalsFunction", "LedgerSealer", "LedgerAuditor")
# What would lead to a signature: signing, keys whose policy can be changed, functions, roles and whoever can be told to sign.
WAYS = re.compile(
    r"kms:(\*|Sign|CreateGrant|PutKeyPolicy|ReEncrypt.*|GenerateMac|UpdateAlias|CreateAlias)|"
    r"lambda:(\*|Invoke.*|UpdateFunction.*|AddPermission|PublishLayer.*)|states:(\*|StartExecution|UpdateStateMachine)|"
    r"sts:(\*|AssumeRole.*)|iam:.*|events:(\*|PutEvents|PutTargets|PutRule)|sns:Publish|sqs:SendMessage|"
    r"dynamodb:(\*|PutItem|UpdateItem|DeleteItem|BatchWriteItem)|ssm:(\*|PutParameter|SendCommand|StartSession)|"
    r"cloudformation:(\*|CreateStack|UpdateStack|ExecuteChangeSet)|\*"
)


def roles(template: Template, *, service: str) -> set[str]:
    """Return the roles that a service assumes."""
    found = set()
    for name, role in resources(template, "AWS::IAM::Role").items():
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
            if service in str(statement["Principal"].get("Service", "")):
                found.add(name)
    return found


def allowed(template: Template, role: str) -> Iterator[Mapping[str, Any]]:
    """Yield every statement that allows something to `role`: inline, by policies, by managed policies of the template."""
    resource = resources(template, "AWS::IAM::Role")[role]["Properties"]
    assert "ManagedPolicyArns" not in resource, f"{role}: rights that this test cannot see"
    documents = [item["PolicyDocument"] for item in resource.get("Policies", [])]
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        for policy in resources(template, kind).values():
            properties = policy["Properties"]
            attached = [*properties.get("Roles", []), {"Ref": properties.get("RoleName")}]
            if {"Ref": role} in attached:
                documents.append(properties["PolicyDocument"])
    for document in documents:
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow":
                yield statement


def actions(template: Template, role: str) -> set[str]:
    found: set[str] = set()
    for statement in allowed(template, role):
        assert "NotAction" not in statement, role
        found |= set(as_list(statement["Action"]))
    return found


def test_the_code_of_a_training_job_reaches_nothing_that_signs(templates: dict[str, Template]) -> None:
    looked = 0
    for stack, template in templates.items():
        for role in roles(template, service="sagemaker.amazonaws.com"):
            looked += 1
            ways = {action for action in actions(template, role) if WAYS.fullmatch(action)}
            assert ways == set(), f"{stack} {role}: {ways}"
    assert looked >= 2, "there is a role of jobs and one of containers"


@pytest.mark.parametrize("way", ["kms:Sign", "kms:*", "lambda:InvokeFunction", "sts:AssumeRole", "iam:PassRole", "*"])
def test_a_way_would_be_seen(way: str) -> None:
    assert WAYS.fullmatch(way)


def test_only_those_sign_who_are_there_for_it(templates: dict[str, Template]) -> None:
    found: set[str] = set()
    for stack, template in templates.items():
        for role in resources(template, "AWS::IAM::Role"):
            may = actions(template, role)
            assert not {item for item in may if item in ("kms:*", "*")}, f"{stack} {role}"
            if "kms:Sign" in may:
                assert role.startswith(SIGNERS), f"{stack} {role} signs"
                found.add(role)
    assert any(role.startswith("ApprovalsFunction") for role in found)


def test_no_key_that_signs_lets_in_more_than_its_account(templates: dict[str, Template]) -> None:
    for stack, template in templates.items():
        for name, key in resources(template, "AWS::KMS::Key").items():
            if key["Properties"].get("KeyUsage") != "SIGN_VERIFY":
                continue
            for statement in key["Properties"]["KeyPolicy"]["Statement"]:
                if statement["Effect"] == "Allow":
                    assert ":root" in str(statement["Principal"]), f"{stack} {name}: {statement['Principal']}"


def test_nothing_invokes_the_approvals_but_people(templates: dict[str, Template]) -> None:
    template = templates["weighbridge-prod-governance"]
    (function,) = [
        name for name, item in resources(template, "AWS::Lambda::Function").items()
        if "WEIGHBRIDGE_APPROVER_KEY" in str(item["Properties"].get("Environment"))
    ]  # fmt: skip
    for kind in ("AWS::Lambda::Permission", "AWS::Lambda::Url", "AWS::Lambda::EventSourceMapping"):
        for item in resources(template, kind).values():
            assert function not in str(item["Properties"]), kind
    for stack, other in templates.items():
        for role in resources(other, "AWS::IAM::Role"):
            for statement in allowed(other, role):
                if "lambda:InvokeFunction" in as_list(statement["Action"]):
                    assert function not in str(statement["Resource"]), f"{stack} {role}"
                    assert "*" not in as_list(statement["Resource"]), f"{stack} {role}"
