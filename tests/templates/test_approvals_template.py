"""Approvals alone: one key that nobody else signs with, rows of its own alone, and no other right."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from template_view import Resource, Template, as_list, logical_id, only, resources, statements

from weighbridge.errors import InputError
from weighbridge_cdk import Approvals, ArtifactoryConnection, EventLedger, Repositories

ALIAS = "awskms:alias/weighbridge-approver"
PERSON = "arn:aws:iam::111111111111:role/approvers"


def build(stack: cdk.Stack, **changes: object) -> Approvals:
    sequences = dynamodb.Table(
        stack,
        "Sequences",
        partition_key=dynamodb.Attribute(name="scope", type=dynamodb.AttributeType.STRING),
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
    )
    connection = ArtifactoryConnection(
        stack,
        "Access",
        url="https://artifactory.example.com/artifactory",
        repositories=Repositories(models="ml-prod-local", records="weighbridge-prod-local"),
        secret_name="weighbridge/prod/artifactory-approver",
        description="Writes its own statements",
    )
    arguments = {
        "environment": "prod", "connection": connection, "channel": "prod", "approvers": [PERSON], "days": 7,
        "sequences": sequences,
    }  # fmt: skip
    return Approvals(stack, "Approvals", **{**arguments, **changes})  # type: ignore[arg-type]


@pytest.fixture
def built(new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]) -> Template:
    stack = new_stack()
    build(stack, key_alias="alias/weighbridge-approver")
    return template_of(stack)


def rights(template: Template) -> dict[str, Resource]:
    return {action: s for _, s in statements(template) for action in as_list(s["Action"])}


def test_nobody_else_signs_whatever_iam_says(built: Template) -> None:
    keys = {
        name: key for name, key in resources(built, "AWS::KMS::Key").items()
        if key["Properties"].get("KeyUsage") == "SIGN_VERIFY"
    }  # fmt: skip
    ((name, key),) = keys.items()
    role = only(built, "AWS::Lambda::Function")["Properties"]["Role"]
    (denial,) = [s for s in key["Properties"]["KeyPolicy"]["Statement"] if s["Effect"] == "Deny"]
    assert (denial["Action"], denial["Principal"]) == ("kms:Sign", {"AWS": "*"})
    assert denial["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": role}}
    assert rights(built)["kms:Sign"]["Resource"] == {"Fn::GetAtt": [name, "Arn"]}
    assert only(built, "AWS::KMS::Alias")["Properties"]["AliasName"] == "alias/weighbridge-approver"


def test_it_claims_rows_of_approvals_and_may_do_nothing_else(built: Template) -> None:
    found = rights(built)
    beyond = {action for action in found if not action.startswith(("logs:", "kms:", "secretsmanager:"))}
    assert beyond == {"dynamodb:GetItem", "dynamodb:PutItem"}
    condition = found["dynamodb:PutItem"]["Condition"]
    assert condition == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["prod!approvals/*"]}}


def test_it_knows_who_may_approve_and_people_find_it(built: Template) -> None:
    variables = only(built, "AWS::Lambda::Function")["Properties"]["Environment"]["Variables"]
    assert (variables["WEIGHBRIDGE_APPROVERS"], variables["WEIGHBRIDGE_APPROVAL_DAYS"]) == (PERSON, "7")
    parameter = only(built, "AWS::SSM::Parameter")["Properties"]
    assert parameter["Name"] == "/weighbridge/prod/approvals"
    assert resources(built, "AWS::Lambda::Url") == {}
    assert resources(built, "AWS::Lambda::Permission") == {}


def test_a_key_that_exists(new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]) -> None:
    stack = new_stack()
    build(stack, signer_uri=ALIAS)
    found = rights(template_of(stack))
    assert found["kms:Sign"]["Condition"] == {"StringEquals": {"kms:RequestAlias": ["alias/weighbridge-approver"]}}


def test_with_a_ledger_it_tells_it_and_nobody_else(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    build(stack, signer_uri=ALIAS, events_bus=EventLedger(stack, "Ledger", environment_name="prod").bus)
    template = template_of(stack)
    bus = logical_id(template, "AWS::Events::EventBus")
    telling = rights(template)["events:PutEvents"]
    assert telling["Resource"] == {"Fn::GetAtt": [bus, "Arn"]}
    assert telling["Condition"] == {
        "StringEquals": {"events:source": "weighbridge.ledger", "events:detail-type": "weighbridge.event/v1"}
    }
    function = only(template, "AWS::Lambda::Function", starting="Approvals")["Properties"]
    assert function["Environment"]["Variables"]["WEIGHBRIDGE_EVENTS_BUS"] == {"Ref": bus}


@pytest.mark.parametrize("changes", [{"approvers": []}, {"signer_uri": ALIAS, "key_alias": "alias/x"}], ids=str)
def test_what_makes_no_sense(new_stack: Callable[[], cdk.Stack], changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        build(new_stack(), **changes)
