"""`weighbridge channel`: keep a channel fresh, look at it, revoke a release."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.canonical import Json
from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup, name_and_version, who

if TYPE_CHECKING:
    from weighbridge.names import Digest


def refresh(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    ledger: options.Ledger = None,
    as_json: options.AsJson = False,
) -> None:
    """Sign the channel's snapshot and timestamp anew. To be run on a schedule, more often than they expire."""
    setup = Setup.open(env=env, file=settings, folder=environments)
    setup.channel(client=setup.client(), ledger=ledger).refresh_timestamp(now=datetime.now(UTC))
    print_result({"channel": setup.settings.channel.name, "refreshed": True}, as_json=as_json)


def renew(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="targets, revocations, or a model's name.")],
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    key: options.Keys = None,
    ledger: options.Ledger = None,
    as_json: options.AsJson = False,
) -> None:
    """Sign a role's metadata anew, before it expires (once a year). Runs as whoever holds the role's keys."""
    from weighbridge.cli.events import tell_change

    setup = Setup.open(env=env, file=settings, folder=environments)
    uris = {"targets": [setup.keys.targets], "revocations": [setup.keys.revocations]}.get(role, setup.keys.promoters)
    signers = [setup.signer(uri) for uri in key or uris]
    setup.channel(client=setup.client(), ledger=ledger).renew(role=role, signers=signers, now=datetime.now(UTC))
    tell_change(setup, kind="renewed", subject=role)
    print_result({"channel": setup.settings.channel.name, "renewed": role}, as_json=as_json)


def root_digest(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    as_json: options.AsJson = False,
) -> None:
    """Print the digest of the first root that the registry holds, and whether it is the pinned one.

    What the registry holds proves nothing: compare with the digest that `channel init` printed.
    """
    from weighbridge.cli.founding import first_root

    setup = Setup.open(env=env, file=settings, folder=environments)
    found = first_root(setup)
    print_result(
        {
            "channel": setup.settings.channel.name,
            "root_digest": str(found),
            "pinned": str(setup.settings.channel.root_digest),
            "is_pinned": found == setup.settings.channel.root_digest,
        },
        as_json=as_json,
    )


def show(
    model: options.ModelName,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    as_json: options.AsJson = False,
) -> None:
    """Show what the channel says of a model: promotions, revocations, versions and expiry, all verified."""
    from weighbridge.trust.times import format_time

    setup = Setup.open(env=env, file=settings, folder=environments)
    state = setup.reader(client=setup.client()).refresh(model)
    promotions: list[Json] = [
        {
            "release_id": str(item.release_id),
            "version": item.version,
            "release": str(item.release),
            "reason": item.reason,
            "promoted_at": format_time(item.promoted_at),
            "promoted_by": item.promoted_by,
        }
        for item in state.promotions(model)
    ]
    revoked: list[Json] = [
        {"release": str(item.release), "reason": item.reason, "revoked_at": format_time(item.revoked_at)}
        for item in state.revocations.values()
    ]
    heading = {
        "channel": state.channel,
        "model": model,
        "expires": format_time(state.expires),
        "floor": str(state.versions),
    }
    print_result(
        {**heading, "promotions": promotions, "revocations": revoked},
        as_json=as_json,
        lines={
            **heading,
            "promotions": [
                f"{item.sequence}  {item.version}  {item.reason}  {format_time(item.promoted_at)} by {item.promoted_by}"
                for item in state.promotions(model)
            ],
            "revocations": [f"{item.release}  {item.reason}" for item in state.revocations.values()],
        },
    )


def revoke(
    release: Annotated[
        str,
        typer.Argument(
            metavar="RELEASE", help="sha256:... of a release, a reference, or NAME:VERSION as promoted here."
        ),
    ],
    reason: options.RevocationReason,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    ledger: options.Ledger = None,
    as_json: options.AsJson = False,
) -> None:
    """Revoke a release: it is neither resolved nor loaded in this channel any more. Runs as security.

    A list of revocations belongs to one channel: `weighbridge revoke` writes the same one into every channel.
    """
    from weighbridge.cli.events import tell
    from weighbridge.ledger.events import tell as told

    setup = Setup.open(env=env, file=settings, folder=environments)
    digest = _release_digest(setup, release)
    signers, now = [setup.signer(setup.keys.revocations)], datetime.now(UTC)
    setup.channel(client=setup.client(), ledger=ledger).revoke(
        releases=[digest], reason=reason, signers=signers, now=now
    )
    event = told.revoked(
        release=digest,
        channel=setup.settings.channel.name,
        environment=setup.settings.environment,
        reason=reason,
        actor=who(),
        at=now,
    )
    tell(setup, event=event)
    print_result({"channel": setup.settings.channel.name, "revoked": str(digest), "reason": reason}, as_json=as_json)


def _release_digest(setup: Setup, value: str) -> Digest:
    from weighbridge.names import Digest, ReleaseReference
    from weighbridge.promotion.candidate import promotion_of

    if value.startswith("sha256:"):
        return Digest.parse(value, field="release")
    if "@" in value:
        return ReleaseReference.parse(value, field="release").digest
    name, version = name_and_version(value)
    return promotion_of(setup.reader(client=setup.client()).refresh(name), version).release
