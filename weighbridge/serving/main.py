"""The start sequence with its real outside: Secrets Manager, the registry, the clock, this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import boto3

from weighbridge.logs import JsonLog, system_clock
from weighbridge.registry import ArtifactoryClient, SecretsManagerToken, TokenSource
from weighbridge.serving.chain import Chain, RegistryChain
from weighbridge.serving.start import Outside, serve


def open_secret(*, secret_id: str) -> TokenSource:
    """Read the registry's token from Secrets Manager; an ARN also says in which region."""
    parts = secret_id.split(":")
    region = parts[3] if len(parts) > 5 and parts[0] == "arn" else None
    return SecretsManagerToken(client=boto3.client("secretsmanager", region_name=region), secret_id=secret_id)


def open_registry(*, url: str, tokens: TokenSource) -> Chain:
    """Return the chain over the registry, judged at the present time."""
    return RegistryChain(client=ArtifactoryClient(url=url, tokens=tokens), now=system_clock())


def main(*, default_command: Sequence[str]) -> int:
    """Serve with this process's arguments and environment; returns an exit status only when it does not serve."""
    outside = Outside(
        environ=os.environ,
        log=JsonLog(out=sys.stdout, err=sys.stderr),
        clock=system_clock,
        open_tokens=open_secret,
        open_chain=open_registry,
    )
    return serve(arguments=sys.argv[1:], default_command=default_command, outside=outside)
