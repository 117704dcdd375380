"""Network, registry and governance: private, encrypted, kept."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import pytest
from template_view import Template, resources, text

from tools.synthesis import Synthesis


@pytest.fixture(scope="session")
def network(templates: dict[str, Template]) -> Template:
    return templates["weighbridge-prod-network"]


def test_stacks_are_named_by_environment(templates: dict[str, Template]) -> None:
    assert set(templates) == {
        f"weighbridge-{environment}-{stack}"
        for environment in ("dev", "staging", "prod")
        for stack in ("network", "registry", "governance", "guard", "inference-minilm", "observability")
    } | {"weighbridge-dev-training"}


def test_nothing_was_looked_up(synthesis: Synthesis) -> None:
    manifests = list(synthesis.folder.rglob("manifest.json"))
    assert len(manifests) == 4
    assert all("missing" not in json.loads(path.read_text()) for path in manifests)


def test_assets_carry_no_path_of_this_machine(synthesis: Synthesis) -> None:
    for path in synthesis.folder.rglob("*.json"):
        if not any(part.startswith("asset.") for part in path.parts):
            assert str(Path.cwd()) not in path.read_text(), path


def test_there_is_no_way_to_the_internet(network: Template) -> None:
    for kind in ("InternetGateway", "NatGateway", "Route", "EIP", "VPCGatewayAttachment"):
        assert not resources(network, f"AWS::EC2::{kind}")
    assert all(
        not each["Properties"]["MapPublicIpOnLaunch"] for each in resources(network, "AWS::EC2::Subnet").values()
    )


def test_one_subnet_in_each_zone_of_the_settings(network: Template) -> None:
    subnets = [each["Properties"] for each in resources(network, "AWS::EC2::Subnet").values()]
    assert [each["AvailabilityZone"] for each in subnets] == ["eu-central-1a", "eu-central-1b"]
    vpc = ipaddress.ip_network("10.40.0.0/16")
    assert all(ipaddress.ip_network(each["CidrBlock"]).subnet_of(vpc) for each in subnets)


def test_gateways_are_on_the_route_tables_of_all_subnets(network: Template) -> None:
    tables = {json.dumps({"Ref": name}) for name in resources(network, "AWS::EC2::RouteTable")}
    gateways = [
        each["Properties"]
        for each in resources(network, "AWS::EC2::VPCEndpoint").values()
        if each["Properties"]["VpcEndpointType"] == "Gateway"
    ]
    assert len(gateways) == 2
    assert all({json.dumps(table) for table in each["RouteTableIds"]} == tables for each in gateways)


def test_every_endpoint_serves_this_account_only(network: Template) -> None:
    for name, each in resources(network, "AWS::EC2::VPCEndpoint").items():
        if str(each["Properties"]["ServiceName"]).startswith("com.amazonaws.vpce."):
            continue  # the registry's own service authenticates by token
        for statement in each["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Action"] == "*":
                keys = {"aws:PrincipalAccount"}
                service = text({"Resources": each["Properties"]["ServiceName"]})
                bound = any(f".{name}" in service for name in ("kms", "secretsmanager", "sns"))
                if each["Properties"]["VpcEndpointType"] == "Gateway" or bound:
                    keys.add("aws:ResourceAccount")
                assert statement["Condition"]["StringEquals"] == {key: {"Ref": "AWS::AccountId"} for key in keys}, name
            else:
                assert statement["Action"] in ("s3:GetObject", "s3:PutObject"), name


def test_custom_resources_can_answer_from_within(network: Template) -> None:
    assert "arn:aws:s3:::cloudformation-custom-resource-response-eucentral1/*" in text(network)
    assert "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*" in text(network)


def test_what_is_remembered_is_encrypted_recoverable_and_kept(templates: dict[str, Template]) -> None:
    governance = templates["weighbridge-prod-governance"]
    tables = resources(governance, "AWS::DynamoDB::Table")
    assert len(tables) == 2
    for each in tables.values():
        properties = each["Properties"]
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["SSESpecification"]["SSEType"] == "KMS"
        assert properties["DeletionProtectionEnabled"] is True
        assert each["DeletionPolicy"] == "Retain"
    (bucket,) = resources(governance, "AWS::S3::Bucket").values()
    properties = bucket["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert bucket["DeletionPolicy"] == "Retain"


def test_every_key_that_can_rotate_does(templates: dict[str, Template]) -> None:
    keys = [key for template in templates.values() for key in resources(template, "AWS::KMS::Key").values()]
    symmetric = [key["Properties"] for key in keys if "KeySpec" not in key["Properties"]]
    assert symmetric
    assert all(properties["EnableKeyRotation"] is True for properties in symmetric)
