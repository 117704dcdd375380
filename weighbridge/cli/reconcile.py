"""`weighbridge reconcile`: compare what runs in an environment with what it accepted and what its channel says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup
from weighbridge.errors import CloudError, InputError, RegistryError

if TYPE_CHECKING:
    from weighbridge.canonical import JsonObject
    from weighbridge.reconciliation import Reconciliation, Report
    from weighbridge.resolution import AcceptanceStore

CLEAN, FOUND, COULD_NOT = 0, 1, 2
OUTPUT = "AcceptanceTable"

Table = Annotated[
    str | None,
    typer.Option(
        "--acceptances",
        metavar="TABLE",
        help="DynamoDB table of acceptances. Default: the output AcceptanceTable of the governance stack.",
    ),
]


def reconcile(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    acceptances: Table = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare every endpoint that runs with what the environment accepted, and tell what differs; changes nothing.

    Runs as a reader, with AWS credentials that may describe SageMaker's endpoints and read the table. The same comparison as
    the reconciler's function. Exit status: 0 clean, 1 findings, 2 something could not be looked at. Example:

    weighbridge reconcile --env prod
    """
    setup = Setup.open(env=env, file=settings, folder=environments)
    report = _look(setup, table=acceptances)
    print_result(_fields(setup, report), as_json=as_json, lines=_lines(report))
    raise typer.Exit(COULD_NOT if report.failures else FOUND if report.findings else CLEAN)


def _look(setup: Setup, *, table: str | None) -> Report:
    from weighbridge.reconciliation import Report

    try:
        return _reconciliation(setup, table=table).look()
    except (CloudError, RegistryError) as error:
        return Report(findings=(), endpoints=0, held=frozenset(), failures=(str(error),))


def _reconciliation(setup: Setup, *, table: str | None) -> Reconciliation:
    from weighbridge.admission import Pins
    from weighbridge.reconciliation import Reconciliation, Survey

    settings, aws = setup.settings, setup.aws()
    reader = setup.reader(client=setup.client())
    return Reconciliation(
        survey=Survey(client=aws.sagemaker()),
        pins=Pins(channel=settings.channel.name, root=settings.channel.root_digest, registry_url=settings.registry.url),
        acceptances=_acceptances(setup, table=table),
        channel=lambda model, _now: reader.refresh(model),
        behind=timedelta(days=settings.guard.reconciler.behind_days),
        except_endpoints=settings.guard.reconciler.except_endpoints,
    )


def _acceptances(setup: Setup, *, table: str | None) -> AcceptanceStore:
    from botocore.exceptions import BotoCoreError, ClientError

    from weighbridge.resolution import DynamoDbAcceptances

    aws = setup.aws()
    if table is None:
        stack = f"weighbridge-{setup.settings.environment}-governance"
        try:
            outputs = aws.cloudformation().describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"cloudformation:DescribeStacks on {stack}: {error}: give --acceptances TABLE") from error
        found = [each.get("OutputValue", "") for each in outputs if each.get("OutputKey") == OUTPUT]
        if not found:
            raise InputError(
                f"--acceptances: stack {stack} has no output {OUTPUT}: deploy it, or give the table's name"
            )
        table = found[0]
    return DynamoDbAcceptances(client=aws.dynamodb(), table=table)


def _fields(setup: Setup, report: Report) -> JsonObject:
    environment = setup.settings.environment
    return {
        "environment": environment,
        "endpoints": report.endpoints,
        "findings": [
            {
                "id": each.id(environment=environment),
                "kind": each.kind,
                "severity": each.about.severity,
                "title": each.about.title,
                "endpoint": each.endpoint,
                "place": each.place,
                "message": each.message,
                "remedy": each.about.remedy,
                "release": each.release,
            }
            for each in report.findings
        ],
        "undecided": sorted(report.held),
        "failures": list(report.failures),
    }


def _lines(report: Report) -> dict[str, object]:
    found: dict[str, object] = {"endpoints": report.endpoints}
    found["findings"] = [
        f"{each.about.severity} {each.kind} {each.endpoint}: {each.message}: {each.about.remedy}"
        for each in report.findings
    ]
    if report.held:
        found["undecided"] = sorted(report.held)
    if report.failures:
        found["could not look at"] = list(report.failures)
    return found
