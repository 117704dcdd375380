"""`weighbridge admit`: let a base model of the hub be used, at one revision, after it passed the inspection."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.inspect import report_lines, scanners_of
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup, open_tokens
from weighbridge.errors import InputError, SettingsError


def admit(
    model: Annotated[
        str, typer.Argument(metavar="ORG/MODEL@REVISION", help="The model on the hub, at a revision of 40 hex digits.")
    ],
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include", metavar="PATTERN", help="Only files that match, for example *.json. May be repeated."
        ),
    ] = None,
    scanner: Annotated[
        list[str] | None,
        typer.Option("--scanner", metavar="NAME[=PROGRAM]", help="Have a scanner look, too: hayward or modelaudit."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Pull a base model through the hub's proxy, inspect it, and admit it into the repository that jobs read from.

    Runs as the inspector, in an environment with huggingface_hub (extra `train`): the token may read the proxy and write
    registry.bases_repository, the key signs the verdict. A blocked one is stated too, and its files stay out. Exit status: 0
    admitted, 1 blocked. Example:

    weighbridge admit org/model@REVISION --env dev --include "*.safetensors" --include "*.json"
    """
    setup = Setup.open(env=env, file=settings, folder=environments)
    registry = setup.settings.registry
    if registry.bases_repository is None or registry.hub_repository is None:
        raise SettingsError(
            f"{setup.file}: registry.bases_repository: is missing: name it, and registry.hub_repository"
        )
    if setup.keys.inspector is None:
        raise SettingsError(f"{setup.file}: trust.keys.inspector: is missing: name the inspector's key there")
    repository, at, revision = model.partition("@")
    if not at:
        raise InputError(f"{model!r} names no revision: write ORG/MODEL@REVISION, a commit of 40 hex digits")
    from weighbridge import bases
    from weighbridge.inspection import inspect_folder
    from weighbridge.release import BaseModel
    from weighbridge.training.hub import HuggingFaceHub, pull_base_model

    base, now = BaseModel(repository=repository, revision=revision), datetime.now(UTC)
    hub = HuggingFaceHub(
        endpoint=f"{registry.url}/api/huggingfaceml/{registry.hub_repository}",
        tokens=open_tokens(setup.environ, url=registry.url, region=setup.settings.region),
    )
    with tempfile.TemporaryDirectory(prefix="weighbridge-admit-") as scratch:
        pull_base_model(hub=hub, base=base, folder=Path(scratch), patterns=include)
        report = inspect_folder(Path(scratch), scanners=scanners_of(scanner or [], memory=4, seconds=900))
        statement = bases.admit(
            bases=bases.BaseRepository(client=setup.client(), repository=registry.bases_repository),
            base=base,
            folder=Path(scratch),
            report=report,
            signer=setup.signer(setup.keys.inspector),
            now=now,
        )
    said = {"base_model": repository, "revision": revision, "statement": statement}
    print_result({**said, **report.fields()}, as_json=as_json, lines={**said, **report_lines(report)})
    raise typer.Exit(0 if report.verdict == "clean" else 1)
