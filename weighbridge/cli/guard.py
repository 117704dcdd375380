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


@app.command("execution-role")
def execution_role(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    part: Annotated[
        str,
        typer.Option("--part", metavar="PART", help="Which of the four policies: access, network, models or runtime."),
    ] = "access",
    boundary: Annotated[
        str | None,
        typer.Option(
            "--boundary",
            metavar="NAME",
            help="Managed policy that every role must have as its permissions boundary. Default: none.",
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Print a policy for CloudFormation's execution role, in place of AdministratorAccess: for `cdk bootstrap`.

    Four policies together let it deploy the environment's stacks. Reads settings and nothing else; the output is JSON with
    and without --json. Example:

    weighbridge guard execution-role --env prod --part network > network.json
    """
    from weighbridge.errors import InputError
    from weighbridge.guard import PARTS, execution_policy

    found, _ = find_settings(env=env, file=settings, folder=environments)
    chosen = next((known for known in PARTS if known == part), None)
    if chosen is None:
        raise InputError(f"--part: {part!r} is not known: give one of {', '.join(PARTS)}", rule="input.usage")
    policy = execution_policy(found, part=chosen, boundary=boundary)
    print(json.dumps(policy, indent=None if as_json else 2))  # noqa: T201
