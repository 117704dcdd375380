"""`weighbridge revoke`: take back a release, or everything under a dataset or base model, in every channel alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.canonical import Json
from weighbridge.cli import options
from weighbridge.cli.answers import impact_lines
from weighbridge.cli.estate import Estate, look
from weighbridge.cli.events import tell
from weighbridge.cli.lineage import BaseModelOption, DatasetOption, find_impact
from weighbridge.cli.output import print_result, print_warnings
from weighbridge.cli.setup import who
from weighbridge.errors import InputError, WeighbridgeError

if TYPE_CHECKING:
    from weighbridge.cli.setup import Setup
    from weighbridge.lineage import ChannelStep, Impact, RevocationPlan
    from weighbridge.names import Digest


def revoke(
    reason: options.RevocationReason,
    release: Annotated[
        str | None, typer.Argument(metavar="RELEASE", help="sha256:... of a release, or NAME:VERSION.")
    ] = None,
    dataset: DatasetOption = None,
    base_model: BaseModelOption = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Only the releases made with it, not those that were made from these.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Sign and publish the revocations. Without it: the plan.")
    ] = False,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Revoke what was found although something could not be looked at.")
    ] = False,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    ledger: options.Ledger = None,
    as_json: options.AsJson = False,
) -> None:
    """Revoke a release, or everything that a dataset or base model touched, in every channel of the folder's environments.

    Shows the plan; with --apply signs one list of revocations per channel, complete and of the same releases in each. Runs as
    security: the token may write `tuf/` of every channel, the keys are `trust.keys.revocations` and the online ones. Safe to
    repeat. Example:

    weighbridge revoke --dataset sha256:... --reason "poisoned" --apply
    """
    from weighbridge.lineage import plan_revocations

    estate = Estate.open(folder=environments)
    graph, places, failures = look(estate)
    found = find_impact(graph, dataset=dataset, base_model=base_model, release=release)
    wanted = _wanted(found, alone=alone)
    print_warnings(tuple(f"could not look at {line}" for line in failures))
    plan = plan_revocations(channels=estate.channels(), releases=wanted, reason=reason)
    if apply:
        if failures and not incomplete:
            raise InputError(
                f"revoke: {len(failures)} things could not be looked at, so there may be more to revoke: mend them, or "
                f"give --incomplete: {failures[0]}"
            )
        _apply(estate, plan, ledger=ledger)
    steps: list[Json] = [
        {
            "channel": step.channel,
            "add": [str(item) for item in step.adds],
            "complete": len(step.known) + len(step.adds),
        }
        for step in plan.steps
    ]
    print_result(
        {
            "suspect": str(found.suspect),
            "reason": reason,
            "applied": apply,
            "releases": [str(item) for item in wanted],
            "channels": steps,
            "failures": list(failures),
        },
        as_json=as_json,
        lines={
            **impact_lines(found, graph, places),
            "revocations": [
                f"{step.channel}  {'added' if apply else 'would add'} {len(step.adds)}, {len(step.known)} were there"
                for step in plan.steps
            ],
        },
    )
    if not apply and not as_json and any(step.adds for step in plan.steps):
        typer.echo("Nothing is changed yet: repeat with --apply.", err=True)


def _wanted(found: Impact, *, alone: bool) -> tuple[Digest, ...]:
    if found.suspect.release is not None and not found.touched:
        # A release that no channel names any more may still run somewhere.
        return (found.suspect.release,)
    return tuple(item.digest for item in found.touched if not alone or not item.via)


def _apply(estate: Estate, plan: RevocationPlan, *, ledger: str | None) -> None:
    from weighbridge.ledger.events import tell as told

    by_channel = {setup.settings.channel.name: setup for setup in estate.by_channel()}
    now = datetime.now(UTC)
    done: list[str] = []
    for step in plan.steps:
        setup = by_channel[step.channel]
        try:
            _publish(setup, step, ledger=ledger, now=now)
            for digest, reason in step.all.items():
                event = told.revoked(
                    release=digest,
                    channel=step.channel,
                    environment=setup.settings.environment,
                    reason=reason,
                    actor=who(),
                    at=now,
                )
                tell(setup, event=event)
        except WeighbridgeError as error:
            so_far = ", ".join(done) or "no channel"
            raise type(error)(
                f"{step.channel}: {error}: revoked so far in {so_far}: repeat the command", rule=error.rule
            ) from error
        done.append(step.channel)


def _publish(setup: Setup, step: ChannelStep, *, ledger: str | None, now: datetime) -> None:
    if not step.adds:
        return
    signers = [setup.signer(setup.keys.revocations)]
    channel = setup.channel(client=setup.client(), ledger=ledger)
    for reason in dict.fromkeys(step.adds.values()):
        releases = [digest for digest, why in step.adds.items() if why == reason]
        channel.revoke(releases=releases, reason=reason, signers=signers, now=now)
