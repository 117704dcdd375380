"""`weighbridge doctor`: check a set-up before the first deployment."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from weighbridge.cli.options import DEFAULT_ENVIRONMENTS, AsJson, Environment, Environments, SettingsFile

Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="CHECK", help="Run this check or topic alone (docs/doctor.md); may be repeated."),
]
NoAws = Annotated[bool, typer.Option("--no-aws", help="Ask nothing of AWS: leave its checks out.")]
ReadOnly = Annotated[
    bool, typer.Option("--read-only", help="Write nothing: what writers may do then stays open, and is reported so.")
]
HubModel = Annotated[
    str, typer.Option("--hub-model", metavar="OWNER/NAME", help="The model that the Hugging Face proxy is asked for.")
]


class As(StrEnum):
    """Whose token JF_ACCESS_TOKEN is."""

    READER = "reader"
    SCIENTIST = "scientist"
    REGISTRAR = "registrar"
    PROMOTER = "promoter"
    ADMINISTRATOR = "administrator"


AsIdentity = Annotated[
    As | None,
    typer.Option("--as", help="Whose token JF_ACCESS_TOKEN is. Others: WEIGHBRIDGE_TOKEN_READER, _SCIENTIST, ..."),
]


def doctor(
    env: Environment = None,
    settings: SettingsFile = None,
    environments: Environments = DEFAULT_ENVIRONMENTS,
    only: Only = None,
    identity: AsIdentity = None,
    no_aws: NoAws = False,
    read_only: ReadOnly = False,
    hub_model: HubModel = "sentence-transformers/all-MiniLM-L6-v2",
    as_json: AsJson = False,
) -> None:
    """Check Artifactory and AWS before the first deployment; every finding comes with its remedy.

    Exit status: 0 healthy, 1 there is a problem, 2 something could not be checked.
    """
    from weighbridge.cli.output import print_result
    from weighbridge.cli.setup import find_settings
    from weighbridge.doctor import CHECKS, choose, diagnose, open_setup, print_report

    found, _ = find_settings(env=env, file=settings, folder=environments)
    checks = choose(CHECKS, only=tuple(only or ()), aws=not no_aws)
    setup = open_setup(
        settings=found,
        environ=os.environ,
        identity=None if identity is None else identity.value,
        aws=not no_aws,
        may_write=not read_only,
        hub_model=hub_model,
    )
    report = diagnose(setup=setup, checks=checks)
    if as_json:
        print_result(report.fields(), as_json=True)
    else:
        from rich.console import Console

        print_report(report, console=Console(file=sys.stdout))
    raise typer.Exit(report.exit_code)
