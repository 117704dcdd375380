"""`weighbridge promote`: make a release the head of its model in a channel, and point the environment at it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.canonical import Json
from weighbridge.cli import options
from weighbridge.cli.approve import open_target
from weighbridge.cli.output import print_result, print_warnings, progress_bar
from weighbridge.cli.setup import Setup, name_and_version, source_of, split_version, who
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.names import ReleaseId
    from weighbridge.promotion import ChannelAccess, ParameterChange, PromotionReport
    from weighbridge.registry import ArtifactoryClient


def promote(
    model: Annotated[
        str, typer.Argument(metavar="NAME:VERSION", help="Model and version; the model alone with --rollback-to.")
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="CHANNEL", help="Target channel: that of an environment in the folder."),
    ] = None,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    rollback_to: Annotated[
        str | None,
        typer.Option("--rollback-to", metavar="VERSION", help="Go back to a version that was promoted here before."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show every gate: pass, or fail and what to do. Exit status 1 when one fails."),
    ] = False,
    no_parameter: Annotated[
        bool, typer.Option("--no-parameter", help="Do not set the SSM parameter that deployments read.")
    ] = False,
    supersede: Annotated[
        bool, typer.Option("--supersede", help="Leave out a number that another promotion claimed and never published.")
    ] = False,
    promoted_by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="WHO",
            help="Who promotes, for the signed record, unless the policy says whose the key is. Default: the user.",
        ),
    ] = None,
    key: options.Keys = None,
    ledger: options.Ledger = None,
    as_json: options.AsJson = False,
) -> None:
    """Promote a release into a channel, from the channel before it.

    Runs as the promoter: its token may read the source and write the target, its keys sign. The release is verified at
    its source and checked against the target's policy before anything is copied; files are copied one by one and
    compared; readers see it when all of it is there. Safe to repeat. Where the model needs two people, the first to run this
    prepares the promotion, and the second, with a key of their own, completes it. Examples:

    weighbridge promote minilm:1.0.0 --to prod --dry-run

    weighbridge promote minilm:1.0.0 --to prod

    weighbridge promote minilm --to prod --rollback-to 1.0.0
    """
    from weighbridge.cli.events import tell
    from weighbridge.ledger.events import tell as told
    from weighbridge.logs import correlation

    setup = open_target(to, option="--to", env=env, settings=settings, folder=environments)
    client = setup.client()
    if dry_run:
        if rollback_to is not None:
            raise InputError(
                "--dry-run: judges what comes new into a channel: leave out --rollback-to", rule="input.usage"
            )
        _examine(
            setup,
            client,
            model=model,
            environments=settings.parent if settings is not None else environments,
            promoted_by=promoted_by or who(),
            keys=tuple(key or setup.keys.promoters),
            as_json=as_json,
        )
        return
    report = _run(
        setup,
        client,
        model=model,
        rollback_to=rollback_to,
        environments=settings.parent if settings is not None else environments,
        supersede=supersede,
        promoted_by=promoted_by or who(),
        keys=tuple(key or setup.keys.promoters),
        ledger=ledger,
    )
    warnings = report.warnings
    promotion = report.promotion
    if report.missing:
        warnings = (*warnings, f"not promoted yet: {report.missing} more must run this, each with a key of their own")
    else:
        tell(setup, event=told.promoted(promotion=promotion, environment=setup.settings.environment))
    pointing = not no_parameter and not report.missing
    change = _point(setup, name=promotion.name, release_id=promotion.release_id) if pointing else None
    if change is not None and change.after != promotion.release_id:
        warnings = (*warnings, f"{change.name} holds the later {change.after} and was left as it is")
    print_warnings(warnings)
    print_result(
        {
            "name": promotion.name,
            "version": promotion.version,
            "channel": promotion.channel,
            "release": str(promotion.release),
            "release_id": str(promotion.release_id),
            **correlation(promotion.release_id),
            "sequence": promotion.sequence,
            "reason": promotion.reason,
            "source": promotion.source,
            "promoted_by": promotion.promoted_by,
            "changed": report.changed,
            "missing": report.missing,
            "parameter": None if change is None else change.name,
            "parameter_value": None if change is None else str(change.after),
        },
        as_json=as_json,
    )


def _examine(
    setup: Setup,
    client: ArtifactoryClient,
    *,
    model: str,
    environments: Path,
    promoted_by: str,
    keys: tuple[str, ...],
    as_json: bool,
) -> None:
    from weighbridge import promotion
    from weighbridge.cli.keyfiles import public_key

    name, version = name_and_version(model)
    found = promotion.examine(
        client=client,
        target=promotion.ChannelAccess(layout=setup.layout, reader=setup.reader(client=client)),
        source=_source(setup, client, folder=environments),
        key_ids=tuple(public_key(setup, uri).keyid for uri in keys),
        promoted_by=promoted_by,
        now=datetime.now(UTC),
        name=name,
        version=version,
    )
    gates: list[Json] = [
        {
            "gate": gate.name,
            "passed": gate.passed,
            "detail": gate.detail,
            "rule": None if gate.error is None else gate.error.rule,
            "remedy": gate.remedy,
        }
        for gate in found.gates
    ]
    print_result(
        {
            "name": name,
            "version": version,
            "channel": setup.settings.channel.name,
            "passed": found.passed,
            "gates": gates,
        },
        as_json=as_json,
        lines={
            gate.name: f"pass  {gate.detail}" if gate.passed else f"fail  {gate.detail}\n      {gate.remedy}"
            for gate in found.gates
        },
    )
    if not found.passed:
        raise typer.Exit(1)


def _source(setup: Setup, client: ArtifactoryClient, *, folder: Path) -> ChannelAccess | None:
    from weighbridge import promotion

    before = source_of(setup, folder=folder)
    return (
        None if before is None else promotion.ChannelAccess(layout=before.layout, reader=before.reader(client=client))
    )


def _run(
    setup: Setup,
    client: ArtifactoryClient,
    *,
    model: str,
    rollback_to: str | None,
    environments: Path,
    supersede: bool,
    promoted_by: str,
    keys: tuple[str, ...],
    ledger: str | None,
) -> PromotionReport:
    from weighbridge import promotion
    from weighbridge.cli.events import ring
    from weighbridge.names import check_name

    publisher = promotion.Publisher(
        channel=setup.channel(client=client, ledger=ledger),
        signers=[setup.signer(uri) for uri in keys],
        promoted_by=promoted_by,
        now=datetime.now(UTC),
        supersede=supersede,
        ring=ring(setup),
    )
    target = promotion.ChannelAccess(layout=setup.layout, reader=setup.reader(client=client))
    if rollback_to is not None:
        name, version = split_version(model)
        if version is not None:
            raise InputError("--rollback-to: names the version: give the model's name alone", rule="input.usage")
        version = check_name(rollback_to, field="--rollback-to")
        return promotion.roll_back(client=client, target=target, publisher=publisher, name=name, version=version)
    name, version = name_and_version(model)
    source = _source(setup, client, folder=environments)
    with progress_bar("copying") as advance:
        return promotion.promote(
            client=client,
            target=target,
            source=source,
            publisher=publisher,
            name=name,
            version=version,
            progress=advance,
        )


def _point(setup: Setup, *, name: str, release_id: ReleaseId) -> ParameterChange:
    from weighbridge import promotion

    aws, settings = setup.aws(), setup.settings
    account = aws.account()
    if account != settings.account:
        raise InputError(
            f"account: the credentials are of {account}, {setup.file} is of {settings.account}: the promotion "
            f"{release_id} is published; repeat with the right credentials, or with --no-parameter",
            rule="input.account",
        )
    parameter = promotion.parameter_name(environment=settings.environment, model=name)
    return promotion.move_forward(client=aws.ssm(), name=parameter, release_id=release_id)
