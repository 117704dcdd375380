"""Training code can reach no signing key, and no function that signs: on the IAM of every template, for every role there is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from template_view import Resource, Template, as_list, resources

# Who may sign, by the beginning of the role's logical id; everybody else may sign with nothing.
SIGNERS = (
    "RegistrarFunction",
    "InspectorFunction",
    "KeeperFunction",
    "ApprovalsFunction",
    "AuditorFunction",
)
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


def attached(templates: Mapping[str, Template], template: Template, value: Any) -> Mapping[str, Any]:
    """Return the document of a managed policy, of this template or of another that exports it."""
    if "Ref" in value:
        document: Mapping[str, Any] = template["Resources"][value["Ref"]]["Properties"]["PolicyDocument"]
        return document
    other, exported = exporter(templates, value)
    return attached(templates, other, exported)


def exporter(templates: Mapping[str, Template], value: Any) -> tuple[Template, Any]:
    """Return the template that exports what `Fn::ImportValue` names, and the value."""
    ((template, exported),) = [
        (other, output["Value"])
        for other in templates.values()
        for output in other.get("Outputs", {}).values()
        if output.get("Export", {}).get("Name") == value["Fn::ImportValue"]
    ]
    return template, exported


def allowed(templates: Mapping[str, Template], template: Template, role: str) -> Iterator[Mapping[str, Any]]:
    """Yield every statement that allows something to `role`: its own, by policies, by managed policies of any template."""
    resource = resources(template, "AWS::IAM::Role")[role]["Properties"]
    documents = [item["PolicyDocument"] for item in resource.get("Policies", [])]
    documents += [attached(templates, template, item) for item in resource.get("ManagedPolicyArns", [])]
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for policy in resources(template, kind).values():
            if {"Ref": role} in policy["Properties"].get("Roles", []):
                documents.append(policy["Properties"]["PolicyDocument"])
    for document in documents:
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow" and not for_disks(templates, template, statement):
                yield statement


def for_disks(templates: Mapping[str, Template], template: Template, statement: Mapping[str, Any]) -> bool:
    """A grant on a named key that encrypts, and cannot sign, leads to no signature."""
    keys = [key_of(templates, template, item) for item in as_list(statement["Resource"])]
    can_sign = [key is None or key["Properties"].get("KeyUsage") == "SIGN_VERIFY" for key in keys]
    return "kms:CreateGrant" in as_list(statement["Action"]) and not any(can_sign)


def key_of(templates: Mapping[str, Template], template: Template, value: Any) -> Resource | None:
    """Return the KMS key that a statement's resource names; None for anything else."""
    if isinstance(value, dict) and "Fn::GetAtt" in value:
        return resources(template, "AWS::KMS::Key").get(value["Fn::GetAtt"][0])
    if isinstance(value, dict) and "Fn::ImportValue" in value:
        other, exported = exporter(templates, value)
        return key_of(templates, other, exported)
    return None


def actions(templates: Mapping[str, Template], template: Template, role: str) -> set[str]:
    found: set[str] = set()
    for statement in allowed(templates, template, role):
        assert "NotAction" not in statement, role
        found |= set(as_list(statement["Action"]))
    return found


def test_the_code_of_a_training_job_reaches_nothing_that_signs(templates: dict[str, Template]) -> None:
    looked = 0
    for stack, template in templates.items():
        for role in roles(template, service="sagemaker.amazonaws.com"):
            looked += 1
            ways = {action for action in actions(templates, template, role) if WAYS.fullmatch(action)}
            assert ways == set(), f"{stack} {role}: {ways}"
    assert looked >= 2, "there is a role of jobs and one of containers"


@pytest.mark.parametrize("way", ["kms:Sign", "kms:*", "lambda:InvokeFunction", "sts:AssumeRole", "iam:PassRole", "*"])
def test_a_way_would_be_seen(way: str) -> None:
    assert WAYS.fullmatch(way)


def test_only_those_sign_who_are_there_for_it(templates: dict[str, Template]) -> None:
    found: set[str] = set()
    for stack, template in templates.items():
        for role in resources(template, "AWS::IAM::Role"):
            may = actions(templates, template, role)
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
            for statement in allowed(templates, other, role):
                if "lambda:InvokeFunction" in as_list(statement["Action"]):
                    assert function not in str(statement["Resource"]), f"{stack} {role}"
                    assert "*" not in as_list(statement["Resource"]), f"{stack} {role}"
