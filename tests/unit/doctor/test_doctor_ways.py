"""The doctor looks at the chosen way out of the VPC: what is missing, foreign or about to expire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto import mock_aws

from tests.unit.doctor.aws_clinic import aws_setup, client, make_cloud
from tests.unit.doctor.doctor_findings import findings
from tests.unit.trust.trust_world import NOW
from weighbridge.doctor import Cloud, Finding, Severity
from weighbridge.settings import (
    CreatedNetwork,
    EgressSettings,
    EnvironmentSettings,
    ExistingNetwork,
    RouteSettings,
    load_settings,
)

ROOT = Path(__file__).resolve().parents[3]
NETWORK = CreatedNetwork(
    cidr="10.40.0.0/16", availability_zones=("eu-central-1a", "eu-central-1b"), registry_service=None
)


@pytest.fixture(scope="module")
def settings() -> EnvironmentSettings:
    return load_settings(ROOT / "environments" / "prod.yaml")


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield make_cloud()


def only(check: str, settings: EnvironmentSettings, cloud: Cloud, **changes: Any) -> Finding:
    (found,) = findings(check, aws_setup(replace(settings, **changes), cloud))
    return found


def routed(gateway: str) -> CreatedNetwork:
    return replace(NETWORK, route=RouteSettings(cidrs=("10.200.0.0/16",), transit_gateway_id=gateway))


def test_a_transit_gateway_must_be_shared_with_the_account(settings: EnvironmentSettings, cloud: Cloud) -> None:
    made = client("ec2").create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    assert only("aws.gateway", settings, cloud, network=routed(made)).severity is Severity.OK
    found = only("aws.gateway", settings, cloud, network=routed("tgw-0123456789abcdef0"))
    assert (found.severity, "not seen by this account" in found.message) == (Severity.PROBLEM, True)
    assert only("aws.gateway", settings, cloud, network=NETWORK).severity is Severity.OK


def test_prefix_lists_must_be_the_regions(settings: EnvironmentSettings, cloud: Cloud) -> None:
    lists = client("ec2").describe_managed_prefix_lists()["PrefixLists"]
    right = tuple(
        each["PrefixListId"] for each in lists if each["PrefixListName"].rpartition(".")[2] in ("s3", "dynamodb")
    )
    found = only("aws.prefix-lists", settings, cloud, network=replace(NETWORK, gateway_prefix_lists=right))
    assert found.severity is Severity.OK
    for wrong in (right[:1], (*right, "pl-11111111"), ("pl-11111111",)):
        found = only("aws.prefix-lists", settings, cloud, network=replace(NETWORK, gateway_prefix_lists=wrong))
        assert found.severity is Severity.PROBLEM
        assert all(each in found.remedy for each in right)
    found = only("aws.prefix-lists", settings, cloud, network=NETWORK)
    assert (found.severity, all(each in found.message for each in right)) == (Severity.OK, True)


def test_endpoints_that_an_existing_vpc_lacks_are_named(settings: EnvironmentSettings, cloud: Cloud) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    network = ExistingNetwork(vpc_id=vpc, availability_zones=("eu-central-1a",), subnet_ids=("subnet-1",))
    found = only("aws.endpoints", settings, cloud, network=network)
    assert (found.severity, "s3, dynamodb, secretsmanager" in found.message) == (Severity.WARNING, True)
    for name in ("s3", "dynamodb", "secretsmanager", "kms", "sagemaker.api", "events"):
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.eu-central-1.{name}", VpcEndpointType="Gateway")
    found = only("aws.endpoints", settings, cloud, network=network)
    assert found.message.endswith("has no endpoints of sts, sagemaker.runtime, logs, monitoring")
    assert only("aws.endpoints", settings, cloud, network=NETWORK).severity is Severity.OK


def certificate(path: Path, *, days: int) -> Path:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(NOW + timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("days", "severity"), [(400, Severity.OK), (30, Severity.OK), (29, Severity.WARNING), (-1, Severity.PROBLEM)]
)
def test_an_authority_that_expires_is_told_in_time(
    settings: EnvironmentSettings, cloud: Cloud, tmp_path: Path, days: int, severity: Severity
) -> None:
    bundle = certificate(tmp_path / "own.pem", days=days)
    found = only("registry.authorities", settings, cloud, egress=EgressSettings(ca_bundle=bundle))
    assert (found.severity, "CN=own" in found.message) == (severity, True)
    assert only("registry.authorities", settings, cloud).severity is Severity.OK
