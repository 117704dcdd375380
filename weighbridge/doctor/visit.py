"""The doctor with its real outside: tokens from the environment or Secrets Manager, AWS through boto3, HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import boto3
from botocore.config import Config

from weighbridge.doctor.probe import HttpProbe
from weighbridge.doctor.setup import (
    IDENTITIES,
    Cloud,
    Ec2Client,
    Identity,
    QuotasClient,
    RegistryAccess,
    Setup,
    token_variable,
)
from weighbridge.errors import WeighbridgeError
from weighbridge.registry import ArtifactoryClient, SecretsManagerToken, StaticToken, TokenSource
from weighbridge.registry.credentials import TOKEN_VARIABLE, SecretsClient
from weighbridge.settings import EnvironmentSettings


def open_cloud(*, region: str) -> Cloud:
    """Return AWS clients of the default credentials; nothing is asked yet."""
    session = boto3.Session(region_name=region)
    config = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
    return Cloud(
        sts=session.client("sts", config=config),
        kms=session.client("kms", config=config),
        secrets=session.client("secretsmanager", config=config),
        ssm=session.client("ssm", config=config),
        functions=session.client("lambda", config=config),
        quotas=cast(QuotasClient, session.client("service-quotas", config=config)),
        ec2=cast(Ec2Client, session.client("ec2", config=config)),
    )


def known_tokens(
    *, environ: Mapping[str, str], identity: Identity | None, secrets: SecretsClient | None, secret_id: str | None
) -> dict[Identity, TokenSource]:
    """Return the tokens of the identities: from WEIGHBRIDGE_TOKEN_IDENTITY, the reader's else from its secret.

    JF_ACCESS_TOKEN is the token of `identity`. A secret that cannot be read leaves the reader out; the check
    `aws.secret` says why.
    """
    values = {found: environ.get(token_variable(found), "") for found in IDENTITIES}
    if identity is not None and not values[identity]:
        values[identity] = environ.get(TOKEN_VARIABLE, "")
    found: dict[Identity, TokenSource] = {who: StaticToken(token=value) for who, value in values.items() if value}
    if "reader" not in found and secrets is not None and secret_id is not None:
        source = SecretsManagerToken(client=secrets, secret_id=secret_id)
        try:
            source.token()
        except WeighbridgeError:
            return found
        found["reader"] = source
    return found


def open_setup(
    *,
    settings: EnvironmentSettings,
    environ: Mapping[str, str],
    identity: Identity | None = None,
    aws: bool,
    may_write: bool,
    hub_model: str,
) -> Setup:
    """Return the set-up to look at, with everything real. `identity` says whose token JF_ACCESS_TOKEN is.

    Raises:
        InputError: when registry.url would send a token in clear.
    """
    cloud = open_cloud(region=settings.region) if aws else None
    url = settings.registry.url
    tokens = known_tokens(
        environ=environ,
        identity=identity,
        secrets=None if cloud is None else cloud.secrets,
        secret_id=settings.registry.reader_secret,
    )
    bundle = environ.get("REQUESTS_CA_BUNDLE")
    verify = Path(bundle) if bundle else True
    access = RegistryAccess(
        anonymous=HttpProbe(url=url, tokens=None, verify=verify),
        probes={who: HttpProbe(url=url, tokens=source, verify=verify) for who, source in tokens.items()},
        client=(ArtifactoryClient(url=url, tokens=tokens["reader"], verify=verify) if "reader" in tokens else None),
    )
    return Setup(
        settings=settings,
        registry=access,
        cloud=cloud,
        now=datetime.now(UTC),
        may_write=may_write,
        hub_model=hub_model,
    )
