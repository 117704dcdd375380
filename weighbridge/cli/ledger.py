"""`weighbridge ledger`: look at what happened, verify that nothing was changed, seal it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.canonical import Json
from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup
from weighbridge.errors import TrustError

if TYPE_CHECKING:
    from weighbridge.ledger.events import Entry

app = typer.Typer(help="The ledger of events: what happened, verified and sealed.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """The ledger of events: what happened, verified and sealed."""


@app.command()
def show(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    after: Annotated[int, typer.Option("--after", min=0, metavar="NUMBER", help="Only entries after this one.")] = 0,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="Only events of this model.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only events of this kind.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the events of an environment's ledger, oldest first.

    Runs as whoever may read the ledger. Shown as they lie there: `weighbridge ledger verify` says whether they hold. Example:

    weighbridge ledger show --env dev --model minilm
    """
    from weighbridge.cli.events import open_events

    setup = Setup.open(env=env, file=settings, folder=environments)
    found = [
        entry
        for entry in open_events(setup).events(after=after)
        if (model is None or entry.event.model == model) and (kind is None or entry.event.kind == kind)
    ]
    events: list[Json] = [{"sequence": entry.sequence, **entry.event.to_json()} for entry in found]
    print_result(
        {"ledger": setup.settings.environment, "events": events},
        as_json=as_json,
        lines={"ledger": setup.settings.environment, "events": [_line(entry) for entry in found]},
    )


@app.command()
def verify(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    as_json: options.AsJson = False,
) -> None:
    """Verify every entry, how they hang together, and what was sealed; name the first bad number.

    Exit status: 0 it holds; 4 it does not (edited, deleted, moved, forked, or cut off), or a seal is missing or a stranger's.
    Without `trust.seals` and `trust.keys.sealer` nothing shows a tail that was cut off. Example:

    weighbridge ledger verify --env dev
    """
    from weighbridge.cli.events import kept_seals, open_events
    from weighbridge.ledger.events import Seals, verify_ledger

    setup = Setup.open(env=env, file=settings, folder=environments)
    seals = kept_seals(setup)
    verdict = verify_ledger(ledger=open_events(setup), seals=seals or Seals(valid=(), problems=()))
    problems = () if seals is None else seals.problems
    broken = verdict.broken
    print_result(
        {
            "ledger": setup.settings.environment,
            "holds": verdict.holds and not problems,
            "entries": verdict.entries,
            "head": None if verdict.head is None else str(verdict.head.digest),
            "sealed": None if seals is None else verdict.sealed,
            "first_bad": None if broken is None else broken.sequence,
            "rule": None if broken is None else broken.rule,
            "message": None if broken is None else broken.message,
            "seals": list(problems),
        },
        as_json=as_json,
    )
    if broken is not None or problems:
        raise typer.Exit(TrustError.exit_code)


@app.command()
def seal(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    as_json: options.AsJson = False,
) -> None:
    """Verify the ledger, and seal what was added since the last seal. To be run on a schedule; in AWS a function does.

    Runs as the sealer: signs with `trust.keys.sealer` and writes where `trust.seals` says. Example:

    weighbridge ledger seal --env dev
    """
    from weighbridge.cli.events import former_sealers, open_events, open_seals, sealer_uri
    from weighbridge.ledger.events import seal_ledger

    setup = Setup.open(env=env, file=settings, folder=environments)
    done = seal_ledger(
        ledger=open_events(setup),
        store=open_seals(setup),
        signer=setup.signer(sealer_uri(setup)),
        name=setup.settings.environment,
        now=datetime.now(UTC),
        former=former_sealers(setup),
    )
    print_result(
        {
            "ledger": setup.settings.environment,
            "sealed": 0 if done is None else len(done.digests),
            "head": None if done is None else done.head.sequence,
            "digest": None if done is None else str(done.head.digest),
        },
        as_json=as_json,
    )


def _line(entry: Entry) -> str:
    event = entry.event
    subject = f"{event.model}:{event.version}" if event.model and event.version else event.model or str(event.release)
    where = event.environment or event.channel or "-"
    return f"{entry.sequence}  {event.at:%Y-%m-%dT%H:%M:%SZ}  {event.kind}  {subject}  {where}  by {event.actor}"
