"""`weighbridge audit`: verify anew all that is signed, and compare it with all that lies there and was told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.canonical import Json
from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup

if TYPE_CHECKING:
    from weighbridge.audit import AuditReport
    from weighbridge.ledger.events import Seals

CLEAN, FOUND, COULD_NOT = 0, 1, 2


def audit(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Read and hash every file of the models repository, instead of asking the registry."
        ),
    ] = False,
    acceptances: Annotated[
        str | None,
        typer.Option("--acceptances", metavar="TABLE", help="DynamoDB table of acceptances, to compare it too."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Verify every promotion's whole chain anew, and name what does not fit in registry, metadata, ledger and acceptances.

    Runs as a reader of the channel, of its ledger and seals; changes nothing. Exit status: 0 clean (or notices alone), 1 something
    severe, 2 something could not be looked at. Example:

    weighbridge audit --env prod
    """
    setup = Setup.open(env=env, file=settings, folder=environments)
    report = _run(setup, deep=deep, table=acceptances)
    findings: list[Json] = [
        {
            "rule": item.rule,
            "severity": item.severity,
            "subject": item.subject,
            "message": item.message,
            "remedy": item.remedy,
        }
        for item in report.findings
    ]
    heading: dict[str, Json] = {
        "channel": report.channel,
        "clean": report.clean,
        "releases": report.releases,
        "files": report.files,
        "entries": report.entries,
    }
    print_result(
        {**heading, "findings": findings, "failures": list(report.failures)},
        as_json=as_json,
        lines={
            **heading,
            "findings": [
                f"{item.severity} {item.rule} {item.subject}: {item.message}: {item.remedy}" for item in report.findings
            ],
            **({"could not look at": list(report.failures)} if report.failures else {}),
        },
    )
    raise typer.Exit(COULD_NOT if report.failures else CLEAN if report.clean else FOUND)


def _run(setup: Setup, *, deep: bool, table: str | None) -> AuditReport:
    from weighbridge.audit import AuditSources
    from weighbridge.audit import audit as run
    from weighbridge.cli.estate import channel_records
    from weighbridge.cli.events import events_uri, open_events
    from weighbridge.resolution import DynamoDbAcceptances

    trust = setup.settings.trust
    sealed = trust is not None and trust.seals is not None and trust.keys.sealer is not None
    sources = AuditSources(
        channel=channel_records(setup),
        files=setup.client(),
        environment=setup.settings.environment,
        ledger=None if events_uri(setup) is None else open_events(setup),
        seals=(lambda: _seals(setup)) if sealed else None,
        acceptances=None if table is None else DynamoDbAcceptances(client=setup.aws().dynamodb(), table=table),
    )
    return run(sources, now=datetime.now(UTC), deep=deep)


def _seals(setup: Setup) -> Seals:
    from weighbridge.cli.events import kept_seals
    from weighbridge.ledger.events import Seals

    return kept_seals(setup) or Seals(valid=(), problems=())
