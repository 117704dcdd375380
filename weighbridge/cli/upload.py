"""`weighbridge upload`: log a folder into `incoming` with frogml, and read every byte back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.output import print_result, print_warnings, progress_bar
from weighbridge.cli.setup import Setup, name_and_version, open_client, open_tokens, registry_url
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.registration import JobRecord
    from weighbridge.release import Dataset


def upload(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder that holds the model's files.")],
    model: options.NameVersion,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Registry, instead of --env. Default: JF_URL.")
    ] = None,
    repository: Annotated[
        str | None,
        typer.Option(
            "--repository", metavar="KEY", help="Repository to upload into. Default: incoming_repository of --env."
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="FILE",
            help="A whole job record, instead of the claims below. Default: weighbridge-job.json of FOLDER, if it is there.",
        ),
    ] = None,
    base_model: Annotated[
        str | None,
        typer.Option(
            "--base-model", metavar="OWNER/NAME@COMMIT", help="The model that was fine-tuned, at its 40-hex commit."
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset", metavar="NAME=FILE", help="A training input: a file, or its sha256:... . May be repeated."
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="NAME=VALUE", help="A parameter of the training. May be repeated."),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", metavar="NAME=VALUE", help="A measured result. May be repeated.")
    ] = None,
    training_job: Annotated[
        str | None, typer.Option("--training-job", metavar="ARN", help="The SageMaker training job.")
    ] = None,
    source_commit: Annotated[
        str | None, typer.Option("--source-commit", metavar="COMMIT", help="The training code's 40-hex commit.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Upload a trained model as NAME:VERSION into the repository where nobody serves from.

    Runs as the scientist or the training job, in an environment with frogml (pip install weighbridge[train]). Everything
    that was uploaded is read back and compared byte for byte; what cannot be read back fails the command. Example:

    weighbridge upload ./model minilm:1.0.0 --env dev --base-model org/name@COMMIT --metric accuracy=0.91
    """
    name, version = name_and_version(model)
    claims = (base_model, dataset, parameter, metric, training_job, source_commit)
    if record is not None and any(claims):
        raise InputError("--record: holds all claims: give it alone", rule="input.usage")
    own = folder / "weighbridge-job.json"
    if record is None and not any(claims) and own.is_file():
        record = own
    found = _read_record(record) if record is not None else _record(*claims)
    address, target, region = _where(env, settings, environments, url=url, repository=repository)
    from weighbridge import registration

    with progress_bar("reading back") as advance:
        report = registration.upload(
            folder=folder,
            name=name,
            version=version,
            repository=target,
            record=found,
            client=open_client(url=address, environ=os.environ, region=region),
            token=open_tokens(os.environ, url=address, region=region),
            progress=advance,
        )
    if report.ignored:
        print_warnings((f"not uploaded, as frogml leaves such files out: {', '.join(report.ignored)}",))
    print_result(
        {
            "name": report.name,
            "version": report.version,
            "repository": report.repository,
            "files": report.files,
            "bytes": report.bytes,
            "already_there": report.already_there,
            "ignored": list(report.ignored),
            "only_in_job_record": list(report.unfitting),
        },
        as_json=as_json,
    )


def _where(
    env: str | None, settings: Path | None, environments: Path, *, url: str | None, repository: str | None
) -> tuple[str, str, str | None]:
    if env is None and settings is None:
        if repository is None:
            raise InputError(
                "--repository: missing: name the repository for uploads, or give --env", rule="input.usage"
            )
        return registry_url(url, environ=os.environ), repository, None
    setup = Setup.open(env=env, file=settings, folder=environments)
    target = repository or setup.settings.registry.incoming_repository
    if target is None:
        raise InputError(f"{setup.file}: registry.incoming_repository: is missing: upload with the first environment")
    address = registry_url(url or setup.settings.registry.url, environ=os.environ)
    return address, target, setup.settings.region


def _read_record(path: Path) -> JobRecord:
    from weighbridge.registration import parse_job_record

    return parse_job_record(path.read_bytes())


def _record(
    base_model: str | None,
    dataset: list[str] | None,
    parameter: list[str] | None,
    metric: list[str] | None,
    training_job: str | None,
    source_commit: str | None,
) -> JobRecord:
    from weighbridge.registration import JobRecord
    from weighbridge.release import BaseModel

    base = None
    if base_model is not None:
        repository, at, revision = base_model.partition("@")
        if not at:
            raise InputError(
                f"--base-model: {base_model!r} names no commit: write OWNER/NAME@COMMIT", rule="input.usage"
            )
        base = BaseModel(repository=repository, revision=revision)
    return JobRecord(
        base_model=base,
        datasets=tuple(_dataset(name, value) for name, value in _pairs(dataset, option="--dataset").items()),
        parameters=_pairs(parameter, option="--parameter"),
        metrics=_pairs(metric, option="--metric"),
        training_job=training_job,
        source_commit=source_commit,
    )


def _pairs(values: list[str] | None, *, option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values or []:
        name, equals, rest = value.partition("=")
        if not equals or not name or name in found:
            raise InputError(f"{option}: {value!r} is not one NAME=VALUE for each name", rule="input.usage")
        found[name] = rest
    return found


def _dataset(name: str, value: str) -> Dataset:
    from weighbridge.names import Digest
    from weighbridge.release import Dataset, hash_file

    digest = Digest.parse(value, field="--dataset") if value.startswith("sha256:") else hash_file(Path(value)).digest
    return Dataset(name=name, digest=digest)
