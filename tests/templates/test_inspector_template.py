"""The inspector alone: one key that signs inspections, one token, and no other right."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from template_view import Resource, Template, as_list, logical_id, only, resources, statements

from weighbridge_cdk import ArtifactoryConnection, EventLedger, Inspector, Repositories

ALIAS = "awskms:alias/weighbridge-inspector"


def build(stack: cdk.Stack, *, signer_uri: str | None = None, ledger: EventLedger | None = None) -> Inspector:
    return Inspector(
        stack,
        "Inspector",
        environment="dev",
        ledger=ledger,
        connection=ArtifactoryConnection(
            stack,
            "Access",
            url="https://artifactory.example.com/artifactory",
            repositories=Repositories(models="ml-dev-local", records="weighbridge-dev-local"),
            secret_name="weighbridge/dev/artifactory-inspector",
            description="Reads dev, writes its own statements",
        ),
        channel="dev",
        signer_uri=signer_uri,
    )


@pytest.fixture(params=[None, ALIAS], ids=["own key", "alias"])
def built(
    request: pytest.FixtureRequest, new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> Template:
    stack = new_stack()
    build(stack, signer_uri=request.param)
    return template_of(stack)


def rights(template: Template) -> dict[str, Resource]:
    return {action: s for _, s in statements(template) for action in as_list(s["Action"])}


def test_it_signs_with_one_key_and_may_do_nothing_else(built: Template) -> None:
    found = rights(built)
    beyond = {
        action for action in found
        if not action.startswith(("logs:", "ec2:", "kms:", "secretsmanager:"))
    }  # fmt: skip
    assert beyond == set()
    signing = [s for _, s in statements(built) if "kms:Sign" in as_list(s["Action"])]
    (statement,) = signing
    keys = resources(built, "AWS::KMS::Key")
    own = [name for name, key in keys.items() if key["Properties"].get("KeyUsage") == "SIGN_VERIFY"]
    if own:
        assert statement["Resource"] == {"Fn::GetAtt": [own[0], "Arn"]}
    else:
        assert statement["Condition"] == {"StringEquals": {"kms:RequestAlias": ["alias/weighbridge-inspector"]}}


def test_it_is_told_no_secret_and_no_other_key(built: Template) -> None:
    function = only(built, "AWS::Lambda::Function")["Properties"]
    variables = function["Environment"]["Variables"]
    assert {name for name in variables if name.endswith("_KEY")} == {"WEIGHBRIDGE_INSPECTOR_KEY"}
    assert variables["WEIGHBRIDGE_CHANNEL"] == "dev"
    assert (function["Timeout"], function["MemorySize"]) == (900, 3008)
    assert function["EphemeralStorage"] == {"Size": 3072}
    assert (variables["WEIGHBRIDGE_SCANNER"], variables["WEIGHBRIDGE_SCANNER_MIB"]) == ("hayward", "2496")
    assert "WEIGHBRIDGE_EVENTS_BUS" not in variables


def test_it_tells_the_ledger_and_nobody_else(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    build(stack, ledger=EventLedger(stack, "Ledger", environment_name="dev"))
    template = template_of(stack)
    bus = logical_id(template, "AWS::Events::EventBus")
    telling = rights(template)["events:PutEvents"]
    assert telling["Resource"] == {"Fn::GetAtt": [bus, "Arn"]}
    assert telling["Condition"] == {
        "StringEquals": {"events:source": "weighbridge.ledger", "events:detail-type": "weighbridge.event/v1"}
    }
    function = only(template, "AWS::Lambda::Function", starting="Inspector")["Properties"]
    assert function["Environment"]["Variables"]["WEIGHBRIDGE_EVENTS_BUS"] == {"Ref": bus}
