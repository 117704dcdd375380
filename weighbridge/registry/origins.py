"""Where a process gets its registry token from: named in its environment, by id, never by value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from weighbridge.environment import RULE, required, whole
from weighbridge.errors import InputError
from weighbridge.registry.credentials import SecretsManagerToken, TokenSource
from weighbridge.registry.iam_exchange import EXPIRES_IN, IamExchangeToken
from weighbridge.registry.identity_signature import check_role_arn

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.credentials import ReadOnlyCredentials

    from weighbridge.registry.credentials import SecretsClient

SECRET = "WEIGHBRIDGE_TOKEN_SECRET_ID"  # noqa: S105 - a variable's name
IAM = "WEIGHBRIDGE_TOKEN_IAM"
IAM_REGION = "WEIGHBRIDGE_TOKEN_IAM_REGION"
IAM_EXPIRES_IN = "WEIGHBRIDGE_TOKEN_IAM_EXPIRES_IN"
LONGEST = 86_400


@dataclass(frozen=True, slots=True)
class SecretOrigin:
    """The token lies in Secrets Manager, under this name or ARN."""

    secret_id: str

    def variables(self) -> dict[str, str]:
        """Return the variables that name this origin."""
        return {SECRET: self.secret_id}


@dataclass(frozen=True, slots=True)
class IamOrigin:
    """The process's own AWS role is exchanged for a token; see `IamExchangeToken`."""

    region: str | None = None
    expires_in: int = EXPIRES_IN

    def variables(self) -> dict[str, str]:
        """Return the variables that name this origin."""
        found = {IAM: "1", IAM_EXPIRES_IN: str(self.expires_in)}
        return found if self.region is None else {**found, IAM_REGION: self.region}


TokenOrigin = SecretOrigin | IamOrigin


class AwsSession(Protocol):
    """The two doors of boto3's session that are needed (`boto3.Session()`)."""

    def client(self, service_name: str, *, region_name: str | None, config: Config | None) -> SecretsClient: ...

    def get_credentials(self) -> _Refreshed | None: ...


class _Refreshed(Protocol):
    def get_frozen_credentials(self) -> ReadOnlyCredentials: ...


def read_origin(environ: Mapping[str, str]) -> TokenOrigin:
    """Return what the variables name: exactly one of WEIGHBRIDGE_TOKEN_SECRET_ID and WEIGHBRIDGE_TOKEN_IAM=1.

    Raises:
        InputError: rule `input.environment`, naming the variable; rule `input.role` for a role that has a path.
    """
    if IAM not in environ:
        return SecretOrigin(secret_id=required(environ, SECRET))
    if SECRET in environ:
        raise InputError(f"{IAM}: {SECRET} is set too: the token comes from one of them, unset the other", rule=RULE)
    if environ[IAM] != "1":
        raise InputError(f"{IAM}: {environ[IAM]!r}: write 1, or unset it", rule=RULE)
    if environ.get("AWS_ROLE_ARN"):
        check_role_arn(environ["AWS_ROLE_ARN"], field="AWS_ROLE_ARN")
    region = environ.get(IAM_REGION)
    if region is not None and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[1-9]", region):
        raise InputError(f"{IAM_REGION}: {region!r} is not an AWS region such as eu-central-1", rule=RULE)
    expires_in = whole(environ.get(IAM_EXPIRES_IN, str(EXPIRES_IN)), field=IAM_EXPIRES_IN, most=LONGEST)
    return IamOrigin(region=region, expires_in=expires_in)


def open_origin(
    origin: TokenOrigin,
    *,
    url: str,
    session: AwsSession,
    config: Config | None = None,
    verify: Path | bool = True,
) -> TokenSource:
    """Return the source of the token that `origin` names; nothing is asked before a token is needed.

    Args:
        origin: see `read_origin`.
        url: the registry's base URL, ends in `/artifactory`.
        session: boto3's session, with the identity of this process.
        config: of the client of Secrets Manager.
        verify: the registry's certificate authority, as for `ArtifactoryClient`.
    """
    if isinstance(origin, SecretOrigin):
        client = session.client("secretsmanager", region_name=_region(origin.secret_id), config=config)
        return SecretsManagerToken(client=client, secret_id=origin.secret_id)

    def credentials() -> ReadOnlyCredentials | None:
        found = session.get_credentials()
        return None if found is None else found.get_frozen_credentials()

    return IamExchangeToken(
        url=url, credentials=credentials, region=origin.region, expires_in=origin.expires_in, verify=verify
    )


def _region(secret_id: str) -> str | None:
    """Return the region that a secret's ARN names."""
    parts = secret_id.split(":")
    return parts[3] if len(parts) > 5 and parts[0] == "arn" else None
