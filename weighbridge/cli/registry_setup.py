"""`weighbridge setup`: what the Artifactory side of an environment needs, as a plan, and applied."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli.options import DEFAULT_ENVIRONMENTS, AsJson, Environment, Environments, SettingsFile

if TYPE_CHECKING:
    from weighbridge.setup import Plan

PlanOnly = Annotated[bool, typer.Option("--plan", help="Show what would be done and do nothing. The default.")]
Apply = Annotated[bool, typer.Option("--apply", help="Create and change what the plan says. Nothing is ever deleted.")]


def setup(
    env: Environment = None,
    settings: SettingsFile = None,
    environments: Environments = DEFAULT_ENVIRONMENTS,
    plan: PlanOnly = False,
    apply: Apply = False,
    as_json: AsJson = False,
) -> None:
    """Create repositories, permissions, role bindings and webhooks in Artifactory, as an administrator.

    Exit status: 0 everything is as it should be, 1 something is not (yet), 2 and above: an error.
    """
    from weighbridge.cli.output import print_result
    from weighbridge.cli.setup import Setup, open_tokens, source_of
    from weighbridge.errors import InputError
    from weighbridge.setup import Platform, apply_plan, desired_state, make_plan

    if plan and apply:
        raise InputError("setup: give one of --plan and --apply", rule="input.usage")
    opened = Setup.open(env=env, file=settings, folder=environments)
    source = source_of(opened, folder=opened.file.parent if settings else environments)
    desired = desired_state(settings=opened.settings, source=source.settings if source else None)
    url, bundle = opened.settings.registry.url, opened.environ.get("REQUESTS_CA_BUNDLE")
    platform = Platform.at(
        url=url,
        tokens=open_tokens(opened.environ, url=url, region=opened.settings.region),
        verify=Path(bundle) if bundle else True,
    )
    # Without webhooks AWS is not asked, and nobody needs credentials for it.
    secrets = opened.aws().secrets() if desired.webhooks else None
    environment = opened.settings.environment
    found = make_plan(platform=platform, desired=desired, environment=environment, secrets=secrets)
    applied = 0
    if apply:
        applied = apply_plan(found)
        found = make_plan(platform=platform, desired=desired, environment=environment, secrets=secrets)
    if as_json:
        print_result({**found.fields(), "applied": applied}, as_json=True)
    else:
        _print(found, applied=applied if apply else None)
    raise typer.Exit(0 if found.settled else 1)


def _print(plan: Plan, *, applied: int | None) -> None:
    for item in plan.items:
        typer.echo(f"{item.state.value:<7} {item.kind} {item.name}: {item.message}")
        if item.remedy:
            typer.echo(f"        -> {item.remedy}")
    if applied is not None:
        typer.echo(f"applied: {applied}")
    typer.echo(plan.summary())
