"""`weighbridge guard`: policies that close the side doors of an environment's account."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.setup import find_settings

app = typer.Typer(help="Policies that close the side doors of an environment's account.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Policies that close the side doors of an environment's account."""


@app.command()
def scp(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    execution_role: Annotated[
        list[str] | None,
        typer.Option(
            "--execution-role",
            metavar="ARN",
            help="Role that CloudFormation deploys with. May be repeated. Default: the one of `cdk bootstrap`.",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Print a service control policy: models and endpoints through CloudFormation alone, training under governed conditions.

    Reads settings and nothing else; the output is JSON with and without --json. Example:

    weighbridge guard scp --env prod > prod-scp.json
    """
    from weighbridge.guard import service_control_policy

    found, _ = find_settings(env=env, file=settings, folder=environments)
    policy = service_control_policy(found, execution_roles=execution_role or ())
    print(json.dumps(policy, indent=None if as_json else 2))  # noqa: T201
