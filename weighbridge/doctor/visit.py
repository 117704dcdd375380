"""The doctor with its real outside: tokens from the environment or Secrets Manager, AWS through boto3, HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
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
from weighbridge.registry.credentials import SecretsClient
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
    *, environ: Mapping[str, str], secrets: SecretsClient | None, secret_id: str
) -> dict[Identity, TokenSource]:
    """Return the tokens of the identities: from WEIGHBRIDGE_TOKEN_IDENTITY, the reader's else from its secret.

    A secret that cannot be read leaves the reader out; the check `aws.secret` says why.
    """
    found: dict[Identity, TokenSource] = {}
    for identity in IDENTITIES:
        value = environ.get(token_variable(identity), "")
        if value:
            found[identity] = StaticToken(token=value)
    if "reader" not in found and secrets is not None:
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
    aws: bool,
    may_write: bool,
    hub_model: str,
) -> Setup:
    """Return the set-up to look at, with everything real.

    Raises:
        InputError: when registry.url would send a token in clear.
    """
    cloud = open_cloud(region=settings.region) if aws else None
    url = settings.registry.url
    tokens = known_tokens(
        environ=environ,
        secrets=None if cloud is None else cloud.secrets,
        secret_id=settings.registry.credentials.secret_id,
    )
    access = RegistryAccess(
        anonymous=HttpProbe(url=url, tokens=None),
        probes={identity: HttpProbe(url=url, tokens=source) for identity, source in tokens.items()},
        client=ArtifactoryClient(url=url, tokens=tokens["reader"]) if "reader" in tokens else None,
    )
    return Setup(
        settings=settings,
        registry=access,
        cloud=cloud,
        now=datetime.now(UTC),
        may_write=may_write,
        hub_model=hub_model,
    )
