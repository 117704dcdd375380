"""`weighbridge train`: start a governed training job on the environment's state machine."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.aws import Aws
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import find_settings, name_and_version
from weighbridge.errors import InputError

app = typer.Typer(help="Governed training jobs.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Governed training jobs."""


@app.command()
def start(
    model: options.NameVersion,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            "--channel",
            metavar="NAME=S3URI",
            help="Input data, below input/ of the training bucket. May be repeated. Default: training.job.channels.",
        ),
    ] = None,
    hyperparameter: Annotated[
        list[str] | None, typer.Option("--hyperparameter", metavar="KEY=VALUE", help="May be repeated.")
    ] = None,
    commit: Annotated[
        str | None, typer.Option("--commit", metavar="COMMIT", help="The source's commit, 40 hex digits.")
    ] = None,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Who is told when it fails.")] = None,
    job: Annotated[
        str | None,
        typer.Option("--job", metavar="NAME", help="Name of job and execution. Default: made of model and version."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end; exit status 1 when nothing was published.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Start a job that is registered, inspected and published in the first channel when it completes.

    Runs with the right states:StartExecution, and ssm:GetParameter to find the state machine. What the job runs as is
    training.job of the settings, which no option changes. Example:

    weighbridge train start minilm:1.2.0 --env dev --hyperparameter epochs=3 --owner ann --wait
    """
    from weighbridge.jobs import TrainingRun, job_name
    from weighbridge.jobs.start import find_pipeline, follow, start_run

    name, version = name_and_version(model)
    found, file = find_settings(env=env, file=settings, folder=environments)
    if found.training is None or found.training.job is None:
        raise InputError(f"{file}: training.job: is missing: say there what the state machine starts jobs as")
    run = TrainingRun(
        job=job or job_name(model=name, version=version, suffix=secrets.token_hex(4)),
        model=name,
        version=version,
        channels=_pairs(channel or (), option="--channel"),
        hyperparameters=_pairs(hyperparameter or (), option="--hyperparameter"),
        commit=commit,
        owner=owner,
    )
    aws = Aws(region=found.region)
    pipeline = find_pipeline(client=aws.ssm(), environment=found.environment)
    execution = start_run(client=aws.states(), pipeline=pipeline, run=run)
    if wait:
        execution = follow(client=aws.states(), arn=execution.arn)
    print_result(
        {
            "job": run.job,
            "execution": execution.arn,
            "status": execution.status,
            "release_id": execution.release_id,
            "cause": execution.cause,
        },
        as_json=as_json,
    )
    if wait and execution.status != "SUCCEEDED":
        raise typer.Exit(1)


def _pairs(values: Sequence[str], *, option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not key or not equals:
            raise InputError(f"{option}: {value!r} is not KEY=VALUE: write one")
        if key in found:
            raise InputError(f"{option}: {key!r} is given twice: keep one")
        found[key] = text
    return found
