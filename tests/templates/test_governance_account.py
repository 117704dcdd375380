"""The governance account: every grant across accounts, in both directions, names its one role, purpose and source."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import cdk_nag
import pytest
import yaml
from template_view import Resource, Template, as_list, only, resources, statements

from stacks import EnvironmentStage, GovernanceAccountStage
from tools.synthesis import ROOT
from weighbridge.settings import EnvironmentSettings, load_settings
from weighbridge_cdk import GovernedModelChecks

HOLDER, DEV, PROD = "999999999999", "111111111111", "333333333333"
HOLDS = f"awskms:arn:aws:kms:eu-central-1:{HOLDER}:alias/"
PEOPLE = {
    name: f"arn:aws:iam::{PROD}:role/{name}" for name in ("owners", "promoters", "security", "ann", "bob", "auditors")
}
EXTERNAL_ID = "reads-the-ledger-of-prod"
SOURCE, DETAIL_TYPE = "weighbridge.ledger", "weighbridge.event/v1"


def held(document: dict[str, Any]) -> dict[str, Any]:
    """Return prod's settings with its keys in the governance account."""
    found = copy.deepcopy(document)
    keys = found["trust"]["keys"]
    for name, value in keys.items():
        keys[name] = [_held(each) for each in value] if isinstance(value, list) else _held(value)
    keys["sealer"] = f"{HOLDS}weighbridge-prod-sealer"
    del found["trust"]["approvals"]["create_key"]
    found["trust"]["policy"]["principals"][0]["key"] = keys["promoters"][0]
    found["governance"] = {
        "account": HOLDER,
        "region": "eu-west-1",
        "owners": [PEOPLE["owners"]],
        "promoters": [PEOPLE["promoters"]],
        "security": [PEOPLE["security"]],
        "breakglass": [PEOPLE["ann"], PEOPLE["bob"]],
        "readers": [PEOPLE["auditors"]],
        "external_id": EXTERNAL_ID,
    }
    return found


def _held(uri: str) -> str:
    return uri.replace("awskms:alias/", HOLDS)


def settings_of(folder: Path) -> EnvironmentSettings:
    document = held(yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text(encoding="utf-8")))
    path = folder / "prod.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_settings(path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """Templates of prod and of the governance account, by stack name, clean under both packs."""
    folder = tmp_path_factory.mktemp("governed")
    settings = settings_of(folder)
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(
        outdir=str(folder / "out"), analytics_reporting=False, builtin_cloud_formation_validation=False, context=context
    )
    dev = load_settings(ROOT / "environments" / "dev.yaml")
    EnvironmentStage(app, settings=settings)
    GovernanceAccountStage(app, environments=[dev, settings])
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(), GovernedModelChecks())
    app.synth()
    paths = (folder / "out").glob("assembly-*/*.template.json")
    found = [(path, json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    return {_stack_name(path): template for path, template in found}


def _stack_name(path: Path) -> str:
    manifest = json.loads((path.parent / "manifest.json").read_text(encoding="utf-8"))["artifacts"].values()
    (found,) = (
        each["properties"]["stackName"]
        for each in manifest
        if each["type"] == "aws:cloudformation:stack" and each["properties"]["templateFile"] == path.name
    )
    return str(found)


@pytest.fixture(scope="module")
def keys(built: dict[str, Template]) -> dict[str, Resource]:
    """The key policies' statements by alias and Sid."""
    template = built["weighbridge-governance-keys-prod"]
    found = {}
    for alias in resources(template, "AWS::KMS::Alias").values():
        key = template["Resources"][alias["Properties"]["TargetKeyId"]["Fn::GetAtt"][0]]["Properties"]
        assert key["KeySpec"] == "ECC_NIST_P256"
        name = alias["Properties"]["AliasName"].removeprefix("alias/weighbridge-prod-")
        found[name] = {each.get("Sid", "Owner"): each for each in key["KeyPolicy"]["Statement"]}
    return found


def function_role(part: str) -> str:
    return f"arn:aws:iam::{PROD}:role/weighbridge-prod-{part}"


ONLINE = [function_role("keeper"), PEOPLE["owners"], PEOPLE["promoters"], PEOPLE["security"]]
SIGNERS = {
    "owner": [PEOPLE["owners"]],
    "promoter": [PEOPLE["promoters"]],
    "security": [PEOPLE["security"]],
    "online": ONLINE,
    "approver": [function_role("approvals")],
    "glass-ann": [PEOPLE["ann"]],
    "glass-bob": [PEOPLE["bob"]],
    "sealer": [function_role("auditor")],
}


def test_every_key_of_the_environment_is_held_and_no_other(keys: dict[str, Resource]) -> None:
    assert set(keys) == set(SIGNERS), "the registrar's and the inspector's keys are those of the first environment"


@pytest.mark.parametrize("name", SIGNERS)
def test_named_roles_sign_and_nobody_else(keys: dict[str, Resource], name: str) -> None:
    allow, deny = keys[name]["NamedRolesSign"], keys[name]["NobodyElseSigns"]
    assert as_list(allow["Action"]) == ["kms:Sign"]
    assert PROD in json.dumps(allow["Principal"])
    assert DEV not in json.dumps(allow["Principal"])
    assert as_list(allow["Condition"]["ArnEquals"]["aws:PrincipalArn"]) == SIGNERS[name]
    assert allow["Condition"]["StringEquals"] == {
        "kms:MessageType": "DIGEST", "kms:SigningAlgorithm": "ECDSA_SHA_256",
    }  # fmt: skip
    assert deny["Effect"] == "Deny"
    assert as_list(deny["Action"]) == ["kms:Sign"]
    assert deny["Principal"] == {"AWS": "*"}
    assert as_list(deny["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]) == SIGNERS[name]


@pytest.mark.parametrize("name", SIGNERS)
def test_every_environment_reads_public_keys_and_does_nothing_else(keys: dict[str, Resource], name: str) -> None:
    read = keys[name]["PublicKeyIsRead"]
    assert read["Action"] == ["kms:DescribeKey", "kms:GetPublicKey"]
    assert {DEV, PROD} <= {account for account in (DEV, PROD, HOLDER) if account in json.dumps(read["Principal"])}
    assert set(keys[name]) == {"Owner", "NamedRolesSign", "NobodyElseSigns", "PublicKeyIsRead"}


def test_functions_have_the_roles_that_the_keys_name(built: dict[str, Template]) -> None:
    template = built["weighbridge-prod-governance"]
    names = {role["Properties"].get("RoleName") for role in resources(template, "AWS::IAM::Role").values()}
    assert {f"weighbridge-prod-{part}" for part in ("keeper", "approvals", "auditor", "ledger-copies")} <= names


def test_functions_may_sign_in_the_governance_account_by_alias_alone(built: dict[str, Template]) -> None:
    signing = [
        statement
        for _, statement in statements(built["weighbridge-prod-governance"])
        if "kms:Sign" in as_list(statement["Action"])
    ]
    assert len(signing) == 3
    for statement in signing:
        assert statement["Resource"] == f"arn:aws:kms:eu-central-1:{HOLDER}:key/*"
        (alias,) = as_list(statement["Condition"]["StringEquals"]["kms:RequestAlias"])
        assert alias.startswith("alias/weighbridge-prod-")


def test_the_ledger_is_told_on_to_the_copy(built: dict[str, Template]) -> None:
    template = built["weighbridge-prod-governance"]
    (rule,) = (
        rule["Properties"] for name, rule in resources(template, "AWS::Events::Rule").items() if "Copies" in name
    )
    assert rule["EventPattern"] == {"source": [SOURCE], "detail-type": [DETAIL_TYPE]}
    (target,) = rule["Targets"]
    bus = json.dumps(target["Arn"])
    assert f":events:eu-west-1:{HOLDER}:event-bus/weighbridge-prod-ledger" in bus
    assert "DeadLetterConfig" in target
    role = template["Resources"][target["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    assert role["RoleName"] == "weighbridge-prod-ledger-copies"
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    (told,) = (s for name, s in statements(template) if name.startswith("LedgerCopies") or name.startswith("Copies"))
    assert as_list(told["Action"]) == ["events:PutEvents"]
    assert told["Resource"] == target["Arn"]


def test_the_copy_lets_one_role_tell_events_of_the_ledger(built: dict[str, Template]) -> None:
    template = built["weighbridge-governance-ledger-prod"]
    policy = only(template, "AWS::Events::EventBusPolicy")["Properties"]["Statement"]
    assert policy["Action"] == "events:PutEvents"
    assert PROD in json.dumps(policy["Principal"])
    assert policy["Condition"]["ArnEquals"] == {"aws:PrincipalArn": function_role("ledger-copies")}
    assert policy["Condition"]["StringEquals"] == {"events:source": SOURCE, "events:detail-type": DETAIL_TYPE}
    bus = only(template, "AWS::Events::EventBus")["Properties"]
    assert bus["Name"] == "weighbridge-prod-ledger"


def test_the_copy_is_sealed_with_a_key_of_its_own(built: dict[str, Template]) -> None:
    template = built["weighbridge-governance-ledger-prod"]
    (key,) = (
        name
        for name, each in resources(template, "AWS::KMS::Key").items()
        if each["Properties"].get("KeyUsage") == "SIGN_VERIFY"
    )
    (signing,) = (s for _, s in statements(template) if "kms:Sign" in as_list(s["Action"]))
    assert signing["Resource"] == {"Fn::GetAtt": [key, "Arn"]}
    (schedule,) = (
        rule["Properties"]["ScheduleExpression"]
        for rule in resources(template, "AWS::Events::Rule").values()
        if "ScheduleExpression" in rule["Properties"]
    )
    assert schedule == "rate(15 minutes)"


def test_readers_name_the_external_id(built: dict[str, Template]) -> None:
    template = built["weighbridge-governance-ledger-prod"]
    (role,) = (
        each["Properties"]
        for each in resources(template, "AWS::IAM::Role").values()
        if each["Properties"].get("RoleName") == "weighbridge-prod-ledger-reader"
    )
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert PROD in json.dumps(trusted["Principal"])
    assert trusted["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": [PEOPLE["auditors"]]}, "StringEquals": {"sts:ExternalId": EXTERNAL_ID},
    }  # fmt: skip
    assert not [
        action
        for name, statement in statements(template)
        if name.startswith("Reader")
        for action in as_list(statement["Action"])
        if action.rpartition(":")[2].startswith(("Put", "Delete", "Update", "Sign", "GenerateDataKey"))
    ]


def test_stacks_lie_in_the_right_account_and_region(built: dict[str, Template]) -> None:
    buckets = {name: json.dumps(template) for name, template in built.items() if "governance-" in name}
    assert f"cdk-hnb659fds-assets-{HOLDER}-eu-west-1" in buckets["weighbridge-governance-ledger-prod"]
    assert f"-{PROD}-" not in buckets["weighbridge-governance-ledger-prod"]


def test_where_releases_are_registered_the_functions_sign_too(tmp_path: Path) -> None:
    document = yaml.safe_load((ROOT / "environments" / "dev.yaml").read_text(encoding="utf-8"))
    names = ("targets", "registrar", "inspector", "revocations", "sealer", "image_builder", "exceptions")
    keys: dict[str, Any] = {name: f"{HOLDS}dev-{name}" for name in names}
    keys |= {"root": ["file:/media/root.pem"], "promoters": [f"{HOLDS}dev-first", f"{HOLDS}dev-second"]}
    keys |= {"snapshot": f"{HOLDS}dev-online", "timestamp": f"{HOLDS}dev-online"}
    document["trust"] = {"keys": keys, "ledger": "dynamodb:weighbridge-dev-sequences"}
    people = {name: [f"arn:aws:iam::{DEV}:role/{name}"] for name in ("owners", "promoters", "security", "builders")}
    document["governance"] = {"account": HOLDER, **people}
    (tmp_path / "dev.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    app = cdk.App(
        outdir=str(tmp_path / "out"), analytics_reporting=False, builtin_cloud_formation_validation=False,
        context=json.loads((ROOT / "cdk.json").read_text())["context"],
    )  # fmt: skip
    GovernanceAccountStage(app, environments=[load_settings(tmp_path / "dev.yaml")])
    app.synth()
    signers: dict[str, set[str]] = {}
    for path in (tmp_path / "out").glob("assembly-*/*keysdev*.template.json"):
        template = json.loads(path.read_text(encoding="utf-8"))
        for alias in resources(template, "AWS::KMS::Alias").values():
            policy = template["Resources"][alias["Properties"]["TargetKeyId"]["Fn::GetAtt"][0]]["Properties"][
                "KeyPolicy"
            ]
            (allow,) = (each for each in policy["Statement"] if each.get("Sid") == "NamedRolesSign")
            arns = as_list(allow["Condition"]["ArnEquals"]["aws:PrincipalArn"])
            signers[alias["Properties"]["AliasName"]] = {arn.rpartition("/")[2] for arn in arns}
    assert signers == {
        "alias/dev-targets": {"owners"},
        "alias/dev-first": {"promoters", "weighbridge-dev-registrar"},
        "alias/dev-second": {"promoters"},
        "alias/dev-registrar": {"weighbridge-dev-registrar"},
        "alias/dev-inspector": {"weighbridge-dev-inspector"},
        "alias/dev-revocations": {"security"},
        "alias/dev-exceptions": {"security"},
        "alias/dev-image_builder": {"builders"},
        "alias/dev-sealer": {"weighbridge-dev-auditor"},
        "alias/dev-online": {
            "owners", "promoters", "security", "weighbridge-dev-keeper", "weighbridge-dev-registrar",
        },
    }  # fmt: skip
