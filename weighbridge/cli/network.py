"""`weighbridge network`: what an environment's network has and costs."""

from __future__ import annotations

from typing import Annotated

import typer

from weighbridge.aws_endpoints import HOURLY, SERVICES, cost_of
from weighbridge.canonical import Json
from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import find_settings
from weighbridge.errors import InputError

app = typer.Typer(help="What an environment's network has, and what it costs.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """What an environment's network has, and what it costs."""


@app.command()
def cost(
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    hourly: Annotated[
        float,
        typer.Option(
            metavar="DOLLARS",
            help="Price of one interface endpoint in one zone for an hour, as AWS asks in your region. Default: us-east-1's.",
        ),
    ] = HOURLY,
    as_json: options.AsJson = False,
) -> None:
    """Print the interface endpoints of a created VPC, who needs each, and what they cost a month without traffic.

    Reads settings and nothing else. Example:

    weighbridge network cost --env dev --hourly 0.012
    """
    found, _ = find_settings(env=env, file=settings, folder=environments)
    cost = cost_of(found, hourly=hourly)
    if cost is None:
        raise InputError("network.existing: its endpoints are its owner's: there is nothing to count here")
    result: dict[str, Json] = {
        "endpoints": dict[str, Json]({name: SERVICES[name] for name in cost.services}),
        "zones": cost.zones,
        "registry_endpoint_zones": cost.registry_zones,
        "endpoint_zones": cost.endpoint_zones,
        "hourly": f"{cost.hourly:g}",
        "monthly": f"{cost.monthly:.2f}",
    }
    lines = {
        "endpoints": "\n".join(f"{name}: {SERVICES[name]}" for name in cost.services),
        "zones": f"{cost.zones} each, and {cost.registry_zones} of the registry's endpoint",
        "monthly": f"{cost.monthly:.2f} dollars ({cost.endpoint_zones} x {cost.hourly} x 730 hours), and about 0.01 a GB",
    }
    print_result(result, as_json=as_json, lines=lines)
