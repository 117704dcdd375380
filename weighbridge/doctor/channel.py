"""Does the channel begin at the pinned root, is it fresh, and does its policy ask for anything?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, NotCheckedError, ok, problem, warning
from weighbridge.doctor.setup import Setup, token_variable
from weighbridge.errors import NothingPromotedError, RegistryNotFoundError, TrustError
from weighbridge.names import Digest
from weighbridge.trust import ChannelReader, ChannelState, RegistrySource
from weighbridge.trust.times import format_time

ROOT_LIMIT = 512_000
# Timestamp and snapshot live for seven days and are re-signed daily: with two days left, two runs were missed at least.
EXPIRY_WARNING = timedelta(days=2)
REFRESH = "run `weighbridge channel refresh` daily, from a schedule that alarms when it fails"
PROVENANCE = "https://slsa.dev/provenance/v1"


def root(setup: Setup) -> Iterator[Judgement]:
    """Hash the channel's first root and compare it with channel.root_digest."""
    pinned = setup.settings.channel.root_digest
    source = _source(setup)
    try:
        found = Digest.of(source.fetch("1.root.json", ROOT_LIMIT))
    except RegistryNotFoundError:
        remedy = "found it with `weighbridge channel init` and pin the digest that it prints as channel.root_digest"
        yield problem(f"there is no channel in {setup.settings.registry.records_repository} yet", remedy=remedy)
        return
    if found == pinned:
        yield ok("the channel's first root is the pinned one")
        return
    try:
        _read_any(setup)
    except NothingPromotedError:
        pass
    except TrustError as error:
        if error.rule == "refused.root":
            remedy = f"if this is your channel, pin {found} as channel.root_digest; otherwise somebody replaced it: do not pin"
            yield problem(f"the channel's first root is {found}, the pinned one is {pinned}", remedy=remedy)
            return
    yield ok("the pinned root is a later root of this channel")


def metadata(setup: Setup) -> Iterator[Judgement]:
    """Verify the channel for every model of the environment."""
    for model in setup.settings.models:
        try:
            state = read_channel(setup, model.name)
            yield ok(f"{model.name}: verified, head {state.head(model.name).release_id}")
        except NothingPromotedError as error:
            yield warning(
                str(error), remedy=f"promote a release of {model.name} before its inference stack is deployed"
            )
        except TrustError as error:
            remedy = "nothing will be resolved or loaded until the channel's owner repairs this"
            yield problem(f"{model.name}: {error}", remedy=remedy)


def expiry(setup: Setup) -> Iterator[Judgement]:
    """Tell when the first of the channel's metadata expires."""
    try:
        state = _read_any(setup)
    except TrustError as error:
        if error.rule != "refused.expired":
            raise
        yield problem(str(error), remedy=REFRESH)
        return
    left = state.expires - setup.now
    when = f"{format_time(state.expires)}, in {left.days} days and {left.seconds // 3600} hours"
    if left < EXPIRY_WARNING:
        yield warning(f"metadata of the channel expires at {when}", remedy=REFRESH)
    else:
        yield ok(f"the channel's metadata is valid until {when}")


def policy(setup: Setup) -> Iterator[Judgement]:
    """A policy that asks for no provenance lets any promoter promote bytes that nobody registered."""
    found = _read_any(setup).policy
    if PROVENANCE not in found.required_statements:
        remedy = (
            "require it with `weighbridge channel policy`: the registrar's signature is what ties bytes to their origin"
        )
        yield warning("the policy requires no statement of provenance", remedy=remedy)
        return
    roles = ", ".join(found.required_statements[PROVENANCE])
    yield ok(f"the policy requires provenance signed by {roles}")


def _source(setup: Setup) -> RegistrySource:
    client = setup.registry.client
    if client is None:
        raise NotCheckedError("no token of the reader", remedy=f"export {token_variable('reader')} and run again")
    return RegistrySource(client=client, repository=setup.settings.registry.records_repository)


def read_channel(setup: Setup, model: str) -> ChannelState:
    """Return the channel's state for one model, verified from the pinned root.

    Raises:
        TrustError, NothingPromotedError, RegistryError: as `ChannelReader.refresh`.
        NotCheckedError: without the reader's token.
    """
    with tempfile.TemporaryDirectory(prefix="weighbridge-doctor-") as folder:
        reader = ChannelReader(
            source=_source(setup), root=setup.settings.channel.root_digest, folder=Path(folder), now=setup.now
        )
        return reader.refresh(model)


def _read_any(setup: Setup) -> ChannelState:
    """The channel's state for the first model that it knows."""
    if not setup.settings.models:
        raise NotCheckedError("the settings name no model", remedy="add one to models")
    for model in setup.settings.models[:-1]:
        try:
            return read_channel(setup, model.name)
        except NothingPromotedError:
            continue
    return read_channel(setup, setup.settings.models[-1].name)


CHANNEL_CHECKS = (
    Check("channel.root", "Does the channel begin at the root that the settings pin?", root),
    Check("channel.metadata", "Does the channel verify for every model of the environment?", metadata),
    Check("channel.expiry", "Is the channel's metadata valid for some days yet?", expiry),
    Check("channel.policy", "Does the channel's policy require provenance?", policy),
)
