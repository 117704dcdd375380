"""Tokens of all identities: secrets that are missing or not rotated, and roles that the registry does not know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from botocore.exceptions import ClientError

from tests.unit.doctor.doctor_findings import findings
from weighbridge.doctor import Answer, Cloud, Probe, RegistryAccess, Setup, Severity
from weighbridge.doctor.setup import SecretDescription
from weighbridge.registry.credentials import SecretValue
from weighbridge.settings import EnvironmentSettings, IamSettings, RotationSettings, load_settings
from weighbridge.settings.roles import exchanged_roles

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 11, 24, tzinfo=UTC)
MISSING = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
OTHERS = ("weighbridge/dev/artifactory-training", "weighbridge/dev/artifactory-registrar")


@dataclass
class Secrets:
    """Secrets by name: value, and how each is described."""

    values: Mapping[str, str]
    described: SecretDescription

    def get_secret_value(self, *, SecretId: str) -> SecretValue:  # noqa: N803
        if SecretId not in self.values:
            raise MISSING
        return {"SecretString": self.values[SecretId]}

    def describe_secret(self, *, SecretId: str) -> SecretDescription:  # noqa: N803
        if SecretId not in self.values:
            raise MISSING
        return self.described


@dataclass
class Access:
    """Answers who is bound to which role."""

    bound: Mapping[str, str]

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str] = MappingProxyType({}), body: bytes | None = None
    ) -> Answer:
        user = path.rpartition("/")[2]
        assert (method, path) == ("GET", f"../access/api/v1/aws/iam_role/{user}")
        if user not in self.bound:
            return Answer(status=404, headers={}, body=b"{}")
        text = json.dumps({"username": user, "iam_role": self.bound[user]})
        return Answer(status=200, headers={}, body=text.encode())


@pytest.fixture
def settings() -> EnvironmentSettings:
    return load_settings(ROOT / "environments" / "dev.yaml")


def setup(settings: EnvironmentSettings, *, secrets: Secrets | None = None, probe: Probe | None = None) -> Setup:
    cloud = None
    if secrets is not None:
        nothing = dict.fromkeys(("sts", "kms", "ssm", "functions", "quotas", "ec2"))
        cloud = Cloud(secrets=secrets, **nothing)  # type: ignore[arg-type]
    access = RegistryAccess(anonymous=Access({}), probes={"administrator": probe} if probe else {}, client=None)
    return Setup(settings=settings, registry=access, cloud=cloud, now=NOW)


def severities(check: str, found: Setup) -> list[Severity]:
    return [finding.severity for finding in findings(check, found)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (dict.fromkeys(OTHERS, "token"), [Severity.OK, Severity.OK]),
        ({OTHERS[0]: "token"}, [Severity.OK, Severity.WARNING]),
        ({OTHERS[0]: "token", OTHERS[1]: '{"user": "x"}'}, [Severity.OK, Severity.PROBLEM]),
    ],
)
def test_every_identity_has_a_token(
    settings: EnvironmentSettings, values: dict[str, str], expected: list[Severity]
) -> None:
    assert severities("aws.secrets", setup(settings, secrets=Secrets(values, {}))) == expected


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ({"RotationEnabled": True, "LastRotatedDate": NOW - timedelta(days=31)}, Severity.OK),
        ({"RotationEnabled": True}, Severity.OK),
        ({"RotationEnabled": True, "LastRotatedDate": NOW - timedelta(days=33)}, Severity.PROBLEM),
        ({"RotationEnabled": False}, Severity.WARNING),
        ({}, Severity.WARNING),
    ],
)
def test_secrets_are_rotated_in_time(
    settings: EnvironmentSettings, described: SecretDescription, expected: Severity
) -> None:
    registry = replace(settings.registry, rotation=RotationSettings(days=30, grace_hours=24))
    values = dict.fromkeys((*OTHERS, "weighbridge/dev/artifactory-reader"), "token")
    found = setup(replace(settings, registry=registry), secrets=Secrets(values, described))
    assert severities("aws.rotation", found) == [expected] * 3
    assert severities("aws.rotation", setup(settings, secrets=Secrets({}, {}))) == [Severity.OK]


def test_every_exchanged_role_is_bound(settings: EnvironmentSettings) -> None:
    assert severities("permissions.roles", setup(settings)) == [Severity.OK]
    registry = replace(settings.registry, credentials=IamSettings(region=None, expires_in=3600))
    exchanging = replace(settings, registry=registry)
    roles = exchanged_roles(exchanging)
    bound = {role.user: role.arn for role in roles}
    assert severities("permissions.roles", setup(exchanging, probe=Access(bound))) == [Severity.OK] * len(roles)
    assert severities("permissions.roles", setup(exchanging)) == [Severity.UNKNOWN]
    first = roles[0].user
    for wrong in (
        {**bound, first: "arn:aws:iam::111111111111:role/other"},
        {k: v for k, v in bound.items() if k != first},
    ):
        seen = severities("permissions.roles", setup(exchanging, probe=Access(wrong)))
        assert seen == [Severity.PROBLEM, *[Severity.OK] * (len(roles) - 1)]
