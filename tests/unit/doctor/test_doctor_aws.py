"""AWS's side: the account as the stacks expect it has no finding, and each fault gives its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from tests.unit.doctor.aws_clinic import (
    PARAMETER,
    REGION,
    ROLES,
    SECRET,
    TOKEN,
    WANTED,
    aws_setup,
    client,
    fill_account,
    make_cloud,
)
from tests.unit.doctor.doctor_findings import findings, worst
from tests.unit.trust.trust_world import MODEL, NOW, World, make_world
from weighbridge.cli.run import run
from weighbridge.doctor import CHECKS, Cloud, Finding, Severity, choose, diagnose
from weighbridge.doctor.visit import known_tokens
from weighbridge.names import Digest
from weighbridge.settings import ApprovalsSettings, EnvironmentSettings, ExistingNetwork, load_settings

REVOKED = Digest.of(b"release 2")
FILE = """\
environment: dev
account: "123456789012"
region: eu-central-1
channel:
  name: dev
  root_digest: {root}
registry:
  url: https://registry.example.com/artifactory
  models_repository: ml-dev-local
  records_repository: weighbridge-dev-local
  credentials:
    secret_id: weighbridge/dev/reader
network:
  create:
    cidr: 10.40.0.0/16
    availability_zones: [eu-central-1a, eu-central-1b]
    registry_service: com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0
models:
  - name: minilm
    endpoint:
      instance_type: ml.c6i.xlarge
      instance_count: 2
trust:
  keys:
    root: ["awskms:alias/root"]
    targets: awskms:alias/targets
    promoters: ["awskms:alias/promoters"]
    registrar: awskms:alias/registrar
    revocations: awskms:alias/revocations
    snapshot: awskms:alias/online
    timestamp: awskms:alias/online
"""


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A channel with one promotion, and a second one whose release is revoked."""
    world = make_world(tmp_path_factory.mktemp("channel"))
    world.promote()
    world.promote(version="2.0.0", release=REVOKED)
    world.channel().revoke(releases=[REVOKED], reason="leaked data", signers=world.signers.revocations, now=NOW)
    return world


@pytest.fixture
def settings(tmp_path: Path, channel: World) -> EnvironmentSettings:
    path = tmp_path / "dev.yaml"
    path.write_text(FILE.format(root=channel.root))
    loaded = load_settings(path)
    # moto offers no endpoint service of a third party; the checks of one are tested with an answer of their own.
    return replace(loaded, network=replace(loaded.network, registry_service=None))


def fresh(service: str) -> Any:
    return boto3.Session("testing", "testing", region_name=REGION).client(service)


@pytest.fixture
def cloud(channel: World) -> Iterator[Cloud]:
    with mock_aws():
        found = make_cloud()
        fill_account(found, keys=ROLES, release_id=release_id(channel, 1))
        yield found


def release_id(channel: World, sequence: int) -> str:
    return str(channel.reader().refresh(MODEL).records[sequence].release_id)


def only(check: str, settings: EnvironmentSettings, cloud: Cloud) -> Finding:
    (found,) = findings(check, aws_setup(settings, cloud))
    return found


def test_the_healthy_account_has_no_finding(settings: EnvironmentSettings, cloud: Cloud, channel: World) -> None:
    report = diagnose(setup=aws_setup(settings, cloud, channel=channel), checks=choose(CHECKS, only=("aws",), aws=True))
    assert [finding for finding in report.findings if finding.severity is not Severity.OK] == []
    assert {finding.check for finding in report.findings} == {c.id for c in CHECKS if c.topic == "aws"}
    assert TOKEN not in json.dumps(report.fields())


def test_without_aws_nothing_of_it_is_ok(settings: EnvironmentSettings) -> None:
    report = diagnose(setup=aws_setup(settings, None), checks=choose(CHECKS, only=("aws",), aws=True))
    assert {finding.severity for finding in report.findings} == {Severity.UNKNOWN}
    assert {finding.check for finding in report.findings} == {c.id for c in CHECKS if c.topic == "aws"}
    assert report.exit_code == 2


def test_an_account_that_does_not_answer_is_asked_once(settings: EnvironmentSettings, cloud: Cloud) -> None:
    class Silent:
        asked = 0

        def get_caller_identity(self) -> object:
            self.asked += 1
            raise EndpointConnectionError(endpoint_url="https://sts.eu-central-1.amazonaws.com")

    sts = Silent()
    setup = aws_setup(settings, replace(cloud, sts=sts))
    report = diagnose(setup=setup, checks=choose(CHECKS, only=("aws",), aws=True))
    assert sts.asked == 1
    assert {finding.severity for finding in report.findings} == {Severity.UNKNOWN}
    assert all("aws.identity" in finding.message for finding in report.findings[1:])


def test_another_account_is_a_problem_and_all_the_rest_is_still_asked(
    settings: EnvironmentSettings, cloud: Cloud, channel: World
) -> None:
    other = replace(settings, account="999999999999")
    setup = aws_setup(other, cloud, channel=channel)
    report = diagnose(setup=setup, checks=choose(CHECKS, only=("aws",), aws=True))
    assert [finding.check for finding in report.findings if finding.severity is not Severity.OK] == ["aws.identity"]


def test_credentials_of_another_account_are_a_problem(settings: EnvironmentSettings, cloud: Cloud) -> None:
    found = only("aws.identity", replace(settings, account="999999999999"), cloud)
    assert (found.severity, "999999999999" in found.message) == (Severity.PROBLEM, True)


@pytest.mark.parametrize("fault", ["missing", "disabled", "rsa", "file", "shared"])
def test_a_key_that_cannot_sign_is_found(settings: EnvironmentSettings, cloud: Cloud, fault: str) -> None:
    assert settings.trust is not None
    held = settings.trust.keys
    if fault == "disabled":
        key = cloud.kms.describe_key(KeyId="alias/registrar")["KeyMetadata"]["KeyId"]
        cloud.kms.disable_key(KeyId=key)
    elif fault == "rsa":
        key = cloud.kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        held = replace(held, registrar=f"awskms:{key}")
    else:
        uri = {"missing": "awskms:alias/nobody", "file": "file:registrar.pem", "shared": "awskms:alias/promoters"}[
            fault
        ]
        held = replace(held, registrar=uri)
    found = worst("aws.keys", aws_setup(replace(settings, trust=replace(settings.trust, keys=held)), cloud))
    said = {"disabled": "Disabled", "rsa": "RSA_2048", "missing": "nobody", "file": "key file", "shared": "2 roles"}
    assert said[fault] in found.message
    assert found.severity is (Severity.WARNING if fault == "file" else Severity.PROBLEM)


@pytest.mark.parametrize("role", ["inspector", "approver", "image_builder", "exceptions", "sealer", "breakglass"])
def test_the_key_of_whoever_signs_anything_is_looked_at(settings: EnvironmentSettings, cloud: Cloud, role: str) -> None:
    assert settings.trust is not None
    uri = "awskms:alias/nobody"
    held = replace(settings.trust.keys, **{role: (uri,) if role == "breakglass" else uri})  # type: ignore[arg-type]
    found = worst("aws.keys", aws_setup(replace(settings, trust=replace(settings.trust, keys=held)), cloud))
    assert found.severity is Severity.PROBLEM
    assert "alias/nobody" in found.message


def test_a_key_that_the_governance_stack_creates_is_not_missed(settings: EnvironmentSettings, cloud: Cloud) -> None:
    assert settings.trust is not None
    held = replace(settings.trust.keys, approver="awskms:alias/later")
    approvals = ApprovalsSettings(secret=None, create_key=True, approvers=("arn:aws:iam::111111111111:role/ann",))
    trust = replace(settings.trust, keys=held, approvals=approvals)
    found = worst("aws.keys", aws_setup(replace(settings, trust=trust), cloud))
    assert found.severity is Severity.WARNING
    assert "the governance stack creates it" in found.message


def test_settings_without_keys_leave_them_open(settings: EnvironmentSettings, cloud: Cloud) -> None:
    assert only("aws.keys", replace(settings, trust=None), cloud).severity is Severity.UNKNOWN


def test_a_secret_that_the_stack_will_create_is_a_warning(settings: EnvironmentSettings, cloud: Cloud) -> None:
    client("secretsmanager").delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    assert only("aws.secret", settings, cloud).severity is Severity.WARNING
    credentials = replace(settings.registry.credentials, create=False)
    existing = replace(settings, registry=replace(settings.registry, credentials=credentials))
    assert only("aws.secret", existing, cloud).severity is Severity.PROBLEM


def test_a_secret_without_token_is_a_problem(settings: EnvironmentSettings, cloud: Cloud) -> None:
    client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString='{"user": "x"}')
    assert only("aws.secret", settings, cloud).severity is Severity.PROBLEM


def test_a_disabled_key_of_the_secret_is_a_problem(settings: EnvironmentSettings, cloud: Cloud) -> None:
    key = cloud.kms.create_key()["KeyMetadata"]
    credentials = replace(settings.registry.credentials, create=False, kms_key_arn=key["Arn"])
    existing = replace(settings, registry=replace(settings.registry, credentials=credentials))
    assert only("aws.secret-key", existing, cloud).severity is Severity.OK
    cloud.kms.disable_key(KeyId=key["KeyId"])
    assert only("aws.secret-key", existing, cloud).severity is Severity.PROBLEM


def test_a_release_id_that_is_missing_or_malformed_is_found(settings: EnvironmentSettings, cloud: Cloud) -> None:
    cloud.ssm.put_parameter(Name=PARAMETER, Value="latest", Type="String", Overwrite=True)
    found = only("aws.parameters", settings, cloud)
    assert (found.severity, PARAMETER in found.message) == (Severity.PROBLEM, True)
    cloud.ssm.delete_parameter(Name=PARAMETER)
    assert only("aws.parameters", settings, cloud).severity is Severity.WARNING


@pytest.mark.parametrize(
    ("value", "severity", "said"),
    [
        ("2", Severity.PROBLEM, "is revoked"),
        ("7@sha256:" + "ab" * 32, Severity.PROBLEM, "no promotion"),
        ("latest", Severity.UNKNOWN, "no release id"),
    ],
)
def test_a_release_id_that_nothing_may_be_loaded_from_is_found(
    settings: EnvironmentSettings, cloud: Cloud, channel: World, value: str, severity: Severity, said: str
) -> None:
    text = release_id(channel, int(value)) if value.isdigit() else value
    cloud.ssm.put_parameter(Name=PARAMETER, Value=text, Type="String", Overwrite=True)
    found = worst("aws.release-ids", aws_setup(settings, cloud, channel=channel))
    assert (found.severity, said in found.message) == (severity, True)


@pytest.mark.parametrize(
    ("applied", "severity", "said"),
    [
        ({WANTED: 0.0}, Severity.PROBLEM, "is 0, 2 are needed"),
        ({WANTED: 3.0}, Severity.PROBLEM, "an update needs 4"),
        ({WANTED: 4.0}, Severity.OK, "is 4"),
        ({}, Severity.UNKNOWN, "no quota"),
    ],
)
def test_the_quota_of_instances_must_hold_two_fleets(
    settings: EnvironmentSettings, cloud: Cloud, applied: dict[str, float], severity: Severity, said: str
) -> None:
    found = only("aws.quota-instances", settings, make_cloud(applied=applied))
    assert (found.severity, said in found.message) == (severity, True)


def test_two_models_on_one_instance_type_share_its_quota(settings: EnvironmentSettings, cloud: Cloud) -> None:
    second = replace(settings.models[0], name="other")
    found = only("aws.quota-instances", replace(settings, models=(*settings.models, second)), cloud)
    assert (found.severity, "an update needs 8" in found.message) == (Severity.PROBLEM, True)


@pytest.mark.parametrize(("left", "severity"), [(0, Severity.PROBLEM), (5, Severity.WARNING), (10, Severity.OK)])
def test_functions_need_executions(settings: EnvironmentSettings, cloud: Cloud, left: int, severity: Severity) -> None:
    assert only("aws.quota-functions", settings, make_cloud(unreserved=left)).severity is severity


def test_zones_that_are_not_there_are_a_problem(settings: EnvironmentSettings, cloud: Cloud) -> None:
    network = replace(settings.network, availability_zones=("eu-central-1a", "eu-central-1z"))
    found = worst("aws.zones", aws_setup(replace(settings, network=network), cloud))
    assert (found.severity, "eu-central-1z" in found.message) == (Severity.PROBLEM, True)


def test_subnets_must_lie_where_the_settings_say(settings: EnvironmentSettings, cloud: Cloud) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = ("eu-central-1a", "eu-central-1b")
    made = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones)
    ]
    right = ExistingNetwork(vpc_id=vpc, availability_zones=zones, subnet_ids=tuple(made))
    seen = findings("aws.subnets", aws_setup(replace(settings, network=right), cloud))
    assert [finding.severity for finding in seen] == [Severity.OK, Severity.OK]
    for wrong in (replace(right, vpc_id="vpc-1"), replace(right, subnet_ids=tuple(reversed(made)))):
        seen = findings("aws.subnets", aws_setup(replace(settings, network=wrong), cloud))
        assert [finding.severity for finding in seen] == [Severity.PROBLEM, Severity.PROBLEM]
    gone = replace(right, subnet_ids=("subnet-00000001", made[1]))
    assert only("aws.subnets", replace(settings, network=gone), cloud).severity is Severity.PROBLEM


def test_an_instance_type_that_the_zones_lack_is_found(settings: EnvironmentSettings, cloud: Cloud) -> None:
    network = replace(settings.network, availability_zones=("us-east-1a",))
    assert only("aws.offerings", replace(settings, network=network), cloud).severity is Severity.PROBLEM
    both = replace(settings.network, availability_zones=("eu-central-1a", "us-east-1a"))
    assert only("aws.offerings", replace(settings, network=both), cloud).severity is Severity.WARNING


class Services:
    """EC2's answer about one endpoint service."""

    def __init__(self, zones: list[str]) -> None:
        self._zones = zones

    def describe_vpc_endpoint_services(self, *, ServiceNames: list[str]) -> dict[str, object]:  # noqa: N803
        return {"ServiceDetails": [{"ServiceName": ServiceNames[0], "AvailabilityZones": self._zones}]}


def test_a_private_link_that_lacks_a_zone_is_a_problem(settings: EnvironmentSettings, cloud: Cloud) -> None:
    linked = replace(settings, network=replace(settings.network, registry_service="com.amazonaws.vpce.x.vpce-svc-1"))
    right = replace(cloud, ec2=Services(["eu-central-1a", "eu-central-1b", "eu-central-1c"]))
    assert only("aws.private-link", linked, right).severity is Severity.OK
    found = only("aws.private-link", linked, replace(cloud, ec2=Services(["eu-central-1a"])))
    assert (found.severity, "eu-central-1b" in found.message) == (Severity.PROBLEM, True)


def test_a_private_link_that_is_not_offered_is_a_problem(settings: EnvironmentSettings, cloud: Cloud) -> None:
    stubbed = fresh("ec2")
    linked = replace(settings, network=replace(settings.network, registry_service="com.amazonaws.vpce.x.vpce-svc-1"))
    with Stubber(stubbed) as stub:
        stub.add_client_error("describe_vpc_endpoint_services", "InvalidServiceName")
        assert only("aws.private-link", linked, replace(cloud, ec2=stubbed)).severity is Severity.PROBLEM
        stub.add_client_error("describe_vpc_endpoint_services", "UnauthorizedOperation")
        assert only("aws.private-link", linked, replace(cloud, ec2=stubbed)).severity is Severity.UNKNOWN


def test_a_quota_that_nobody_raised_is_awss_default(settings: EnvironmentSettings, cloud: Cloud) -> None:
    found = only("aws.quota-instances", settings, make_cloud(applied={}, default={WANTED: 1.0}))
    assert (found.severity, "is 1, 2 are needed" in found.message) == (Severity.PROBLEM, True)


def test_what_aws_refuses_is_not_ok(settings: EnvironmentSettings, cloud: Cloud) -> None:
    stubbed = fresh("service-quotas")
    with Stubber(stubbed) as stub:
        stub.add_client_error("list_service_quotas", "AccessDeniedException")
        found = only("aws.quota-instances", settings, replace(cloud, quotas=stubbed))
    assert (found.severity, "ListServiceQuotas" in found.remedy) == (Severity.UNKNOWN, True)


def test_the_readers_token_comes_from_its_secret_and_others_from_variables(cloud: Cloud) -> None:
    environ = {"WEIGHBRIDGE_TOKEN_PROMOTER": "p", "JF_ACCESS_TOKEN": "mine"}
    tokens = known_tokens(environ=environ, identity=None, secrets=cloud.secrets, secret_id=SECRET)
    assert {who: source.token() for who, source in tokens.items()} == {"reader": TOKEN, "promoter": "p"}
    tokens = known_tokens(environ=environ, identity="registrar", secrets=None, secret_id=SECRET)
    assert {who: source.token() for who, source in tokens.items()} == {"registrar": "mine", "promoter": "p"}


def test_the_command_asks_aws_with_the_users_credentials(
    cloud: Cloud, settings: EnvironmentSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    checks = ("aws.identity", "aws.keys", "aws.secret", "aws.parameters", "aws.zones", "aws.offerings")
    only_these = [word for check in checks for word in ("--only", check)]
    assert run(["doctor", "--settings", str(tmp_path / "dev.yaml"), "--json", *only_these]) == 0
    shown = capsys.readouterr()
    assert {finding["check"] for finding in json.loads(shown.out)["findings"]} == set(checks)
    assert TOKEN not in shown.out + shown.err
