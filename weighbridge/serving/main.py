"""The start sequence with its real outside: AWS, the registry, the clock, this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import boto3

from weighbridge.authorities import trust_authorities
from weighbridge.logs import JsonLog, system_clock
from weighbridge.registry import ArtifactoryClient, TokenOrigin, TokenSource, open_origin
from weighbridge.serving.chain import Chain, RegistryChain
from weighbridge.serving.start import Outside, serve


def open_token(*, origin: TokenOrigin, url: str) -> TokenSource:
    """Return the token of this container's role, from where `origin` says. It is the first way out: authorities come before."""
    trust_authorities(os.environ)
    return open_origin(origin, url=url, session=boto3.Session())


def open_registry(*, url: str, tokens: TokenSource) -> Chain:
    """Return the chain over the registry, judged at the present time."""
    return RegistryChain(client=ArtifactoryClient(url=url, tokens=tokens), now=system_clock())


def main(*, default_command: Sequence[str]) -> int:
    """Serve with this process's arguments and environment; returns an exit status only when it does not serve."""
    outside = Outside(
        environ=os.environ,
        log=JsonLog(out=sys.stdout, err=sys.stderr),
        clock=system_clock,
        open_tokens=open_token,
        open_chain=open_registry,
    )
    return serve(arguments=sys.argv[1:], default_command=default_command, outside=outside)
