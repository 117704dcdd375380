"""The containers' start sequence up to verified files, inside a process that somebody else started."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from weighbridge.logs import JsonLog, system_clock
from weighbridge.registry import EnvironmentToken, TokenOrigin, TokenSource
from weighbridge.serving import ContainerEnvironment, Outside, load
from weighbridge.serving.gauge import loaded
from weighbridge.serving.main import open_registry, open_token
from weighbridge.serving.start import OpenChain, OpenTokens
from weighbridge.termination import StopFlag


def environment_token(*, origin: TokenOrigin, url: str) -> TokenSource:
    """Read the registry's token from JF_ACCESS_TOKEN: for a trial on one's own machine, where there is no role."""
    del origin, url
    return EnvironmentToken()


class _Undisturbed(StopFlag):
    """Signals of this process belong to whoever started it."""

    def ignore(self) -> None:
        """Leave signal handling as it is."""


def pull_verified(
    *,
    environ: Mapping[str, str],
    folder: Path,
    open_tokens: OpenTokens = open_token,
    open_chain: OpenChain = open_registry,
    log: JsonLog | None = None,
) -> Path:
    """Verify the promoted release that `environ` names, pull it into `folder`, and return where its files lie, read-only.

    Args:
        environ: the variables of a container that serves (docs/architecture.md).
        folder: a private folder; `model` and `output` in it are this function's own. Never SageMaker's /opt/ml, where
            the SDK keeps its own code beside the model.
        open_tokens: where the registry's token comes from.
        open_chain: the chain over the registry.
        log: where progress and the load receipt go; None for this process's standard output and error.

    Raises:
        RefusedError, RegistryError, InputError: nothing may be loaded; the folder holds no file of the model.
    """
    outside = Outside(
        environ=environ,
        log=log or JsonLog(out=sys.stdout, err=sys.stderr),
        clock=system_clock,
        open_tokens=open_tokens,
        open_chain=open_chain,
    )
    environment = replace(ContainerEnvironment.read(environ), ml_root=folder)
    tokens = open_tokens(origin=environment.token, url=environment.registry_url)
    chain = open_chain(url=environment.registry_url, tokens=tokens)
    outside = replace(outside, log=outside.log.correlated(environment.promotion))
    receipt = load(environment=environment, chain=chain, outside=outside, flag=_Undisturbed())
    metrics = loaded(receipt, model=environment.reference.name, at=outside.clock())
    outside.log.measured("loaded", metrics, **receipt.fields())
    return environment.model_folder
