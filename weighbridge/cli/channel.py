"""`weighbridge channel`: found a channel; its models, policy and keys. channel_upkeep.py has what comes after."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup
from weighbridge.errors import InputError

app = typer.Typer(
    help="Found a channel and keep it: models, policy, revocations, freshness, keys.", no_args_is_help=True
)

Promoters = Annotated[
    list[str] | None,
    typer.Option(
        "--promoter",
        metavar="KEY",
        help="Who may promote: file:PATH, awskms:KEY or public:PATH. May be repeated. Default: trust.keys.promoters.",
    ),
]
Threshold = Annotated[
    int | None,
    typer.Option(
        "--threshold", min=1, help="How many distinct promoters must sign a promotion. Default: trust.policy.threshold."
    ),
]


@app.callback()
def root_command() -> None:
    """Found a channel and keep it: models, policy, revocations, freshness, keys."""


@app.command()
def keygen(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="New private key file; PATH.pub gets the public key.")],
    scheme: Annotated[
        str, typer.Option("--scheme", metavar="KIND", help="ed25519 or ecdsa-sha2-nistp256.")
    ] = "ed25519",
    as_json: options.AsJson = False,
) -> None:
    """Make a key in a file, for trials; production keys belong into KMS.

    The private key is unencrypted PEM with mode 0600. Example: weighbridge channel keygen keys/promoter.pem
    """
    from weighbridge.cli.keyfiles import make_key

    key = make_key(path, scheme=scheme)
    print_result(
        {"key_id": key.keyid, "signer": f"file:{path}", "public": f"public:{path}.pub", "scheme": key.scheme},
        as_json=as_json,
    )


@app.command()
def init(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME", help="A model of the channel. May be repeated. Default: the settings' models."
        ),
    ] = None,
    promoter: Promoters = None,
    threshold: Threshold = None,
    root_threshold: options.RootThreshold = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy", metavar="FILE", help="The channel's policy. Default: what trust.policy and trust.keys say."
        ),
    ] = None,
    base_owner: Annotated[
        list[str] | None,
        typer.Option(
            "--base-owner", metavar="OWNER", help="Hub account whose models may be used. May be repeated. Default: any."
        ),
    ] = None,
    update_settings: Annotated[
        bool, typer.Option("--update-settings", help="Write the new root digest into the settings file.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Found the channel of an environment, and print the root digest that everybody pins.

    Runs once, as the channel's owner: its token may write the records repository, and the settings name its keys
    (trust.keys). Repeating it completes a half-done one. Example:

    weighbridge channel init --env dev --update-settings
    """
    from weighbridge import trust
    from weighbridge.cli import founding
    from weighbridge.cli.events import tell_change

    setup = Setup.open(env=env, file=settings, folder=environments)
    names = model or [item.name for item in setup.settings.models]
    if not names:
        raise InputError("--model: missing: the settings name no model, so name one", rule="input.usage")
    keys = founding.promoter_keys(setup, promoter, threshold=threshold)
    store = trust.RegistryStore(client=setup.client(), repository=setup.settings.registry.records_repository)
    digest = trust.init_channel(
        store=store,
        channel=setup.settings.channel.name,
        signers=founding.channel_signers(setup, root_threshold=root_threshold),
        policy=founding.first_policy(setup, file=policy, base_owners=tuple(base_owner or ())),
        models=dict.fromkeys(names, keys),
        now=datetime.now(UTC),
    )
    founding.check_founded(setup, store=store, root=digest, models=names)
    tell_change(setup, kind="founded", subject="root", details={"root": str(digest)})
    pinned = setup.settings.channel.root_digest == digest
    if update_settings and not pinned:
        founding.pin_root(setup, digest)
        pinned = True
    print_result(
        {
            "channel": setup.settings.channel.name,
            "root_digest": str(digest),
            "models": list(names),
            "pinned": pinned,
            "settings": str(setup.file),
        },
        as_json=as_json,
    )
    if not pinned and not as_json:
        typer.echo(f"Write this root digest into {setup.file}, channel.root_digest.", err=True)


@app.command("add-model")
def add_model(
    model: options.ModelName,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    promoter: Promoters = None,
    threshold: Threshold = None,
    ledger: options.Ledger = None,
    as_json: options.AsJson = False,
) -> None:
    """Let a model be promoted in the channel, by its promoters. Runs as the channel's owner."""
    from weighbridge.cli import founding
    from weighbridge.cli.events import tell_change

    setup = Setup.open(env=env, file=settings, folder=environments)
    keys = founding.promoter_keys(setup, promoter, threshold=threshold)
    signers = [setup.signer(setup.keys.targets)]
    setup.channel(client=setup.client(), ledger=ledger).add_model(
        name=model, promoters=keys, signers=signers, now=datetime.now(UTC)
    )
    tell_change(setup, kind="model-added", subject=model)
    print_result(
        {"channel": setup.settings.channel.name, "model": model, "promoters": [key.keyid for key in keys.keys]},
        as_json=as_json,
    )


@app.command()
def policy(
    model: options.ModelName,
    file: Annotated[Path | None, typer.Option("--set", metavar="FILE", help="Replace the policy by this one.")] = None,
    from_settings: Annotated[
        bool, typer.Option("--from-settings", help="Replace the policy by what trust.policy and trust.keys say.")
    ] = False,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    ledger: options.Ledger = None,
    as_json: options.AsJson = False,
) -> None:
    """Print the channel's verified policy as JSON, or replace it: with --set FILE, or --from-settings.

    MODEL is any model of the channel. To change the policy: edit trust.policy of the settings, or print it into a file, edit
    the file, set it. Replacing runs as the channel's owner.
    """
    import json

    from weighbridge.cli import founding
    from weighbridge.cli.events import tell_change
    from weighbridge.names import Digest

    setup = Setup.open(env=env, file=settings, folder=environments)
    if file is not None and from_settings:
        raise InputError("--set and --from-settings: give one of the two", rule="input.usage")
    if file is not None or from_settings:
        wanted = founding.settings_policy(setup) if file is None else founding.read_policy(file)
        signers = [setup.signer(setup.keys.targets)]
        setup.channel(client=setup.client(), ledger=ledger).set_policy(
            policy=wanted, signers=signers, now=datetime.now(UTC)
        )
        tell_change(setup, kind="policy-set", subject="policy", details={"digest": str(Digest.of(wanted.to_bytes()))})
    found = setup.reader(client=setup.client()).refresh(model).policy
    typer.echo(json.dumps(json.loads(found.to_bytes()), indent=None if as_json else 2))
