"""`weighbridge audit`: verify anew all that is signed, and compare it with all that lies there and was told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.canonical import Json
from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup

if TYPE_CHECKING:
    from weighbridge.audit import AuditReport, Signing
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
    cloudtrail: Annotated[
        int | None,
        typer.Option(
            "--cloudtrail",
            metavar="HOURS",
            min=1,
            max=2160,
            help="Compare the signatures with the channel's KMS keys that CloudTrail counted in the last hours, too.",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Verify every promotion's whole chain anew, and name what does not fit in registry, metadata, ledger and acceptances.

    Runs as a reader of the channel, of its ledger and seals, with --cloudtrail also of CloudTrail; changes nothing. Exit status: 0 clean (or notices alone), 1 something
    severe, 2 something could not be looked at. Example:

    weighbridge audit --env prod
    """
    setup = Setup.open(env=env, file=settings, folder=environments)
    report = _run(setup, deep=deep, table=acceptances, hours=cloudtrail)
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


def _run(setup: Setup, *, deep: bool, table: str | None, hours: int | None) -> AuditReport:
    from weighbridge.audit import AuditSources
    from weighbridge.audit import audit as run
    from weighbridge.cli.estate import channel_records
    from weighbridge.cli.events import events_uri, open_events
    from weighbridge.resolution import DynamoDbAcceptances

    trust, now = setup.settings.trust, datetime.now(UTC)
    sealed = trust is not None and trust.seals is not None and trust.keys.sealer is not None
    sources = AuditSources(
        channel=channel_records(setup),
        files=setup.client(),
        environment=setup.settings.environment,
        ledger=None if events_uri(setup) is None else open_events(setup),
        seals=(lambda: _seals(setup)) if sealed else None,
        acceptances=None if table is None else DynamoDbAcceptances(client=setup.aws().dynamodb(), table=table),
        signings=None if hours is None else (lambda: _signings(setup, hours=hours, now=now)),
    )
    return run(sources, now=now, deep=deep)


def _signings(setup: Setup, *, hours: int, now: datetime) -> Sequence[Signing]:
    from weighbridge.audit.cloudtrail import last_signings
    from weighbridge.settings.watched import told_keys

    aws = setup.aws()
    return last_signings(trail=aws.cloudtrail(), keys=told_keys(setup.keys), arn_of=aws.key_arn, hours=hours, now=now)


def _seals(setup: Setup) -> Seals:
    from weighbridge.cli.events import kept_seals
    from weighbridge.ledger.events import Seals

    return kept_seals(setup) or Seals(valid=(), problems=())
