"""`weighbridge channel`: replace keys, with overlap: the new one is named and signs before the old one is taken away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.channel import Promoters, Threshold
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup

if TYPE_CHECKING:
    from weighbridge.trust import RoleKeys


def set_promoters(
    model: options.ModelName,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    promoter: Promoters = None,
    threshold: Threshold = None,
    ledger: options.Ledger = None,
    as_json: options.AsJson = False,
) -> None:
    """Replace who may promote a model. Runs as the channel's owner.

    What the model's role says must stay signed by enough of its keys: name old and new keys, let the new ones sign with
    `weighbridge channel renew`, then name the new ones alone.
    """
    from weighbridge.cli import founding
    from weighbridge.cli.events import tell_change

    setup = Setup.open(env=env, file=settings, folder=environments)
    keys = founding.promoter_keys(setup, promoter, threshold=threshold)
    setup.channel(client=setup.client(), ledger=ledger).set_promoters(
        name=model, promoters=keys, signers=[setup.signer(setup.keys.targets)], now=datetime.now(UTC)
    )
    tell_change(setup, kind="key-rotated", subject=model, details=_named(keys))
    print_result(
        {
            "channel": setup.settings.channel.name,
            "model": model,
            "promoters": [key.keyid for key in keys.keys],
            "threshold": keys.threshold,
        },
        as_json=as_json,
    )


def set_security(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="Who may revoke: file:PATH, awskms:KEY or public:PATH. May be repeated. Default: trust.keys.revocations.",
        ),
    ] = None,
    ledger: options.Ledger = None,
    as_json: options.AsJson = False,
) -> None:
    """Replace the keys that revoke. Runs as the channel's owner; with overlap, as `weighbridge channel set-promoters`."""
    from weighbridge.cli.events import tell_change
    from weighbridge.cli.keyfiles import public_key
    from weighbridge.trust import RoleKeys

    setup = Setup.open(env=env, file=settings, folder=environments)
    keys = RoleKeys(keys=tuple(public_key(setup, uri) for uri in key or [setup.keys.revocations]))
    setup.channel(client=setup.client(), ledger=ledger).set_security(
        keys=keys, signers=[setup.signer(setup.keys.targets)], now=datetime.now(UTC)
    )
    tell_change(setup, kind="key-rotated", subject="revocations", details=_named(keys))
    print_result(
        {"channel": setup.settings.channel.name, "security": [item.keyid for item in keys.keys]}, as_json=as_json
    )


def rotate_root(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    old_key: Annotated[
        list[str] | None,
        typer.Option(
            "--old-key",
            metavar="KEY",
            help="A key that signed the root until now and is not among trust.keys.root. May be repeated.",
        ),
    ] = None,
    targets_key: Annotated[
        list[str] | None,
        typer.Option(
            "--targets-key",
            metavar="KEY",
            help="The channel's owner from now on: file:PATH, awskms:KEY or public:PATH. May be repeated. Default: as before.",
        ),
    ] = None,
    root_threshold: options.RootThreshold = None,
    ledger: options.Ledger = None,
    as_json: options.AsJson = False,
) -> None:
    """Publish the next root: with the root keys and online keys that the settings name now, and a new expiry.

    Runs as the holders of the root keys. Readers follow it from the root that they pin; the pin need not change. Example:

    weighbridge channel rotate-root --env prod --old-key file:/media/offline/prod-root-1.pem
    """
    from weighbridge.cli import founding
    from weighbridge.cli.events import tell_change
    from weighbridge.cli.keyfiles import public_key
    from weighbridge.trust import RoleKeys

    setup = Setup.open(env=env, file=settings, folder=environments)
    new = [setup.signer(uri) for uri in setup.keys.root]
    targets = RoleKeys(keys=tuple(public_key(setup, uri) for uri in targets_key)) if targets_key else None
    keys = RoleKeys.of(new, threshold=root_threshold or founding.majority(new))
    version = setup.channel(client=setup.client(), ledger=ledger).rotate_root(
        keys=keys,
        signers=[*new, *(setup.signer(uri) for uri in old_key or ())],
        targets=targets,
        now=datetime.now(UTC),
    )
    tell_change(setup, kind="key-rotated", subject="root", details={**_named(keys), "root_version": str(version)})
    print_result({"channel": setup.settings.channel.name, "root_version": version}, as_json=as_json)


def _named(keys: RoleKeys) -> dict[str, str]:
    return {"keys": " ".join(key.keyid for key in keys.keys)[:1024], "threshold": str(keys.threshold)}
