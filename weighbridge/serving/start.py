"""The start sequence: read the environment, verify, pull, lock, leave a receipt, become the model server."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from weighbridge.errors import InputError, WeighbridgeError
from weighbridge.logs import Clock, JsonLog, timestamp
from weighbridge.registry import TokenOrigin, TokenSource
from weighbridge.release import Release
from weighbridge.serving.chain import Chain, check_is_deployed_release
from weighbridge.serving.environment import ContainerEnvironment
from weighbridge.serving.folder import check_exact, empty_folder, make_read_only
from weighbridge.serving.gauge import loaded, refusal
from weighbridge.serving.receipt import LoadReceipt
from weighbridge.serving.server_process import ServerProcess, become, plan_server
from weighbridge.termination import EXIT_STATUS, StopFlag, Terminated, stopping_on_sigterm


class OpenTokens(Protocol):
    """Return the source of the registry's token: `origin` as the environment names it, `url` the registry's."""

    def __call__(self, *, origin: TokenOrigin, url: str) -> TokenSource: ...


class OpenChain(Protocol):
    """Return the chain over the registry at `url`."""

    def __call__(self, *, url: str, tokens: TokenSource) -> Chain: ...


@dataclass(frozen=True, slots=True)
class Outside:
    """What the sequence needs from outside. `hand_over` replaces the process and does not return."""

    environ: Mapping[str, str]
    log: JsonLog
    clock: Clock
    open_tokens: OpenTokens
    open_chain: OpenChain
    hand_over: Callable[[ServerProcess], None] = become


def serve(*, arguments: Sequence[str], default_command: Sequence[str], outside: Outside) -> int:
    """Run the start sequence; on success the process becomes the model server and this does not return.

    Returns:
        The exit status after a refusal (the error's own, see weighbridge.errors), after exactly one line on standard
        error with the rule's id; 143 after a SIGTERM.
    """
    log = outside.log.correlated(outside.environ.get("WEIGHBRIDGE_PROMOTION"))
    outside = replace(outside, log=log)
    try:
        if list(arguments) != ["serve"]:
            raise InputError(f"argument {' '.join(arguments)!r}: this container knows 'serve' only")
        with stopping_on_sigterm() as flag:
            server = _prepare(default_command=default_command, outside=outside, flag=flag)
        outside.hand_over(server)
    except Terminated:
        log.event("stopped", reason="SIGTERM before the model was loaded; nothing was kept")
        return EXIT_STATUS
    except WeighbridgeError as error:
        log.error("refused", rule=error.rule, message=str(error), metrics=refusal(outside.environ, at=outside.clock()))
        return error.exit_code
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(f"{type(error).__name__}: {error}".split())
        log.error("failed", rule=WeighbridgeError.rule, message=f"{text} (in {place.name}, line {place.lineno})")
        return WeighbridgeError.exit_code
    return 0


def _prepare(*, default_command: Sequence[str], outside: Outside, flag: StopFlag) -> ServerProcess:
    environment = ContainerEnvironment.read(outside.environ)
    tokens = outside.open_tokens(origin=environment.token, url=environment.registry_url)
    server = plan_server(
        environment=environment, default_command=default_command, environ=outside.environ, token=tokens.token()
    )
    chain = outside.open_chain(url=environment.registry_url, tokens=tokens)
    receipt = load(environment=environment, chain=chain, outside=outside, flag=flag)
    outside.log.measured(
        "loaded", loaded(receipt, model=environment.reference.name, at=outside.clock()), **receipt.fields()
    )
    return server


def load(*, environment: ContainerEnvironment, chain: Chain, outside: Outside, flag: StopFlag) -> LoadReceipt:
    """Verify and pull into the model folder; afterwards it holds the whole release read-only, or nothing.

    Raises:
        RefusedError, RegistryError, InputError: nothing may be served; the folder is empty again.
        Terminated: SIGTERM arrived; the folder is empty again.
    """
    began = time.monotonic()
    folder = environment.model_folder
    empty_folder(folder)
    try:
        release = _verified_files(environment=environment, chain=chain, flag=flag, log=outside.log)
        receipt = LoadReceipt(
            release=str(environment.reference),
            promotion=str(environment.promotion),
            channel=environment.layout.channel,
            bytes=release.load_bytes,
            files=len(release.load_components),
            seconds=round(time.monotonic() - began, 3),
            time=timestamp(outside.clock()),
        )
        receipt.write(environment.receipt_path)
    except BaseException:
        flag.ignore()
        empty_folder(folder)
        raise
    return receipt


def _verified_files(*, environment: ContainerEnvironment, chain: Chain, flag: StopFlag, log: JsonLog) -> Release:
    reference = environment.reference
    log.event("verifying", release=str(reference), promotion=str(environment.promotion))
    release = chain.verify(environment)
    check_is_deployed_release(release, environment=environment)
    log.event("pulling", files=len(release.load_components), bytes=release.load_bytes)
    chain.pull(release, environment=environment, progress=flag.check)
    check_exact(environment.model_folder, expected={item.path: item.size for item in release.load_components})
    make_read_only(environment.model_folder, group=environment.server_user)
    return release
