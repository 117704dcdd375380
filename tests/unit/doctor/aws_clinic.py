"""An AWS account in which everything is as the stacks expect it: moto, and stubs for what moto does not have."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import boto3

from tests.unit.trust.trust_world import NOW, World
from weighbridge.doctor import Answer, Cloud, RegistryAccess, Setup
from weighbridge.doctor.setup import Ec2Client, QuotaPage, QuotasClient
from weighbridge.settings import EnvironmentSettings
from weighbridge.trust import FolderStore

REGION = "eu-central-1"
SECRET = "weighbridge/dev/reader"
KEEPER_SECRET = "weighbridge/dev/artifactory-keeper"
ROLES = ("root", "targets", "promoters", "registrar", "revocations", "online")
PARAMETER = "/weighbridge/dev/minilm/release-id"
TOKEN = "token-that-nobody-may-see"
WANTED = "ml.c6i.xlarge for endpoint usage"


@dataclass
class Quotas:
    """Service Quotas with one page per quota."""

    applied: dict[str, float]
    default: dict[str, float]

    def list_service_quotas(self, *, ServiceCode: str, NextToken: str = "0") -> QuotaPage:  # noqa: N803
        return self._page(self.applied, ServiceCode, int(NextToken))

    def list_aws_default_service_quotas(self, *, ServiceCode: str, NextToken: str = "0") -> QuotaPage:  # noqa: N803
        return self._page(self.default, ServiceCode, int(NextToken))

    def _page(self, quotas: dict[str, float], service: str, number: int) -> QuotaPage:
        assert service == "sagemaker"
        entries = [{"QuotaName": name, "Value": value} for name, value in quotas.items()]
        page: QuotaPage = {"Quotas": cast("list[object]", entries[number : number + 1])}  # type: ignore[typeddict-item]
        if number + 1 < len(entries):
            page["NextToken"] = str(number + 1)
        return page


class NoProbe:
    """AWS's checks ask nothing of the registry."""

    def send(self, method: str, path: str, **_: object) -> Answer:
        raise AssertionError(f"{method} {path}")


@dataclass
class Functions:
    """Lambda's account settings."""

    unreserved: int

    def get_account_settings(self) -> dict[str, dict[str, int]]:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.unreserved}}


@functools.cache
def client(service: str) -> Any:
    """One client for all tests: moto intercepts it wherever it was made, and reading its model anew costs most."""
    return boto3.Session("testing", "testing", region_name=REGION).client(service)


def make_cloud(
    *, applied: dict[str, float] | None = None, default: dict[str, float] | None = None, unreserved: int = 900
) -> Cloud:
    """Clients of the account as moto has it; call inside `mock_aws`."""
    others = {"ml.g5.xlarge for endpoint usage": 0.0, "ml.c6i.xlarge for training job usage": 9.0}
    return Cloud(
        sts=client("sts"),
        kms=client("kms"),
        secrets=client("secretsmanager"),
        ssm=client("ssm"),
        functions=Functions(unreserved),  # type: ignore[arg-type]
        quotas=cast(QuotasClient, Quotas({**others, **({WANTED: 4.0} if applied is None else applied)}, default or {})),
        ec2=cast(Ec2Client, client("ec2")),
    )


def fill_account(cloud: Cloud, *, keys: Iterable[str], release_id: str) -> None:
    """Create the alias of each key, the secrets with tokens, and the release id."""
    for alias in keys:
        key = cloud.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        cloud.kms.create_alias(AliasName=f"alias/{alias}", TargetKeyId=key)
    for name in (SECRET, KEEPER_SECRET):
        client("secretsmanager").create_secret(Name=name, SecretString=TOKEN)
    cloud.ssm.put_parameter(Name=PARAMETER, Value=release_id, Type="String")


@dataclass(frozen=True)
class FolderClient:
    """Reads a channel that lies in a folder, as the registry's client would."""

    store: FolderStore

    def read(self, *, repository: str, path: str, limit: int) -> bytes:
        assert repository == "weighbridge-dev-local"
        return self.store.fetch(path.removeprefix("tuf/"), limit)


def aws_setup(settings: EnvironmentSettings, cloud: Cloud | None, *, channel: World | None = None) -> Setup:
    """A set-up of which the registry is not asked; what it holds of `channel` can be read."""
    client = None if channel is None else FolderClient(channel.store)
    access = RegistryAccess(anonymous=NoProbe(), probes={}, client=client)
    return Setup(settings=settings, registry=access, cloud=cloud, now=NOW)
