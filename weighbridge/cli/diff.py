"""`weighbridge diff`: which models would change on the next deployment, beside `cdk diff`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.output import print_result, print_warnings
from weighbridge.cli.setup import Setup
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.difference import DifferenceReport, Places
    from weighbridge.difference.places import FindId
    from weighbridge.names import ReleaseId
    from weighbridge.trust import ChannelState

SAME, CHANGED, COULD_NOT = 0, 1, 2

FromOption = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="ID", help="Compare from this promotion (its id, or its number) instead of what runs."
    ),
]
ToOption = Annotated[
    str | None,
    typer.Option("--to", metavar="ID", help="Compare to this promotion instead of what the SSM parameter names."),
]


def diff(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL", help="Models. Default: all of the environment.")
    ] = None,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    from_id: FromOption = None,
    to_id: ToOption = None,
    to_head: Annotated[
        bool, typer.Option("--to-head", help="Compare to the channel's head instead of what the SSM parameter names.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a comment for a pull request.")] = False,
    fail: Annotated[bool, typer.Option("--fail", help="Exit with status 1 when a model would change.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show which models the next deployment of an environment would change, and in what; changes nothing.

    For each model: what its endpoint runs, and what the SSM parameter names that the deployment reads. Runs as a reader, with
    AWS credentials that may describe SageMaker's endpoints, configs and models and read the parameters; with `--from` and
    `--to`, without AWS. Exit status: 0, with `--fail` 1 when something would change, 2 when something could not be looked at
    or a deployment would be refused. Examples:

    weighbridge diff --env prod

    weighbridge diff minilm --env prod --from 3 --to-head --markdown
    """
    if markdown and as_json:
        raise InputError("--markdown: give it or --json, not both", rule="input.usage")
    if to_head and to_id is not None:
        raise InputError("--to-head: give it or --to, not both", rule="input.usage")
    setup = Setup.open(env=env, file=settings, folder=environments)
    names = _models(setup, models or (), one=from_id is not None or to_id is not None)
    report = _report(setup, names, _places(setup, before=from_id, after=to_id, to_head=to_head))
    _show(report, as_json=as_json, markdown=markdown)
    if report.failures or any(item.is_refused for item in report.models):
        raise typer.Exit(COULD_NOT)
    raise typer.Exit(CHANGED if fail and report.changed else SAME)


def _models(setup: Setup, wanted: Sequence[str], *, one: bool) -> tuple[str, ...]:
    known = tuple(model.name for model in setup.settings.models)
    for name in wanted:
        if name not in known:
            raise InputError(f"MODEL: {setup.file} has no model {name!r}: it has {', '.join(known) or 'none'}")
    found = tuple(dict.fromkeys(wanted)) or known
    if one and len(found) != 1:
        raise InputError("MODEL: --from and --to are of one model: name it", rule="input.usage")
    return found


def _report(setup: Setup, models: Sequence[str], places: Places) -> DifferenceReport:
    from weighbridge.difference import differences

    client = setup.client()
    return differences(
        environment=setup.settings.environment,
        models=models,
        client=client,
        layout=setup.layout,
        state=setup.reader(client=client).refresh,
        places=places,
    )


def _places(setup: Setup, *, before: str | None, after: str | None, to_head: bool) -> Places:
    from weighbridge.difference import Places

    return Places(
        before=_running(setup) if before is None else _named(before, option="--from"),
        after=_head if to_head else _parameter(setup) if after is None else _named(after, option="--to"),
    )


def _running(setup: Setup) -> FindId:
    from weighbridge.difference import running_id
    from weighbridge.reconciliation import Survey
    from weighbridge.resource_names import resource_name

    survey = Survey(client=setup.aws().sagemaker())
    environment = setup.settings.environment
    return lambda model, _: running_id(
        survey=survey, endpoint=resource_name("weighbridge", environment, model), model=model
    )


def _parameter(setup: Setup) -> FindId:
    from weighbridge.difference.places import parameter_id

    ssm, environment = setup.aws().ssm(), setup.settings.environment
    return lambda model, _: parameter_id(client=ssm, environment=environment, model=model)


def _named(value: str, *, option: str) -> FindId:
    from weighbridge.difference.places import named_id

    return lambda model, state: named_id(value, model=model, state=state, field=option)


def _head(model: str, state: ChannelState) -> ReleaseId | None:
    return state.head(model).release_id


def _show(report: DifferenceReport, *, as_json: bool, markdown: bool) -> None:
    from weighbridge.difference.shown import json_of, lines_of, markdown_of

    if as_json:
        print_result(json_of(report), as_json=True)
        return
    print(markdown_of(report) if markdown else "\n".join(lines_of(report)), end="" if markdown else "\n")  # noqa: T201
    print_warnings(tuple(f"could not look at {line}" for line in report.failures))
