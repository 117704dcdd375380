"""`weighbridge inspect`: look at every file of a model before anything is believed or loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.output import print_result, progress_bar
from weighbridge.cli.setup import Setup, name_and_version
from weighbridge.errors import InputError, SettingsError

if TYPE_CHECKING:
    from weighbridge.canonical import Json
    from weighbridge.inspection import InspectionReport, PickleException
    from weighbridge.names import Digest


def inspect(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="The folder that holds the model's files.")
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            "--release", metavar="NAME:VERSION", help="Inspect what is registered, where it lies in the registry."
        ),
    ] = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="State the verdict on the release under trust.keys.inspector.")
    ] = False,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    sarif: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Write the findings as SARIF 2.1.0, too.")
    ] = None,
    exceptions: Annotated[
        Path | None,
        typer.Option(
            "--exceptions", metavar="FILE", help="Pickled files that may pass: digest, end and reason of each."
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Judge every file of FOLDER, or of a registered release, by its content: an allow-list of formats with strict validators.

    Exit status: 0 clean, 1 blocked, 2 could not run. Nothing is loaded, unpacked or rendered. With --release it runs as the
    inspector: its token may read the first channel, and the release's bytes are streamed and kept nowhere; --sign writes the
    signed verdict beside the release's records, where promoting looks for it. Examples:

    weighbridge inspect ./model --sarif findings.sarif

    weighbridge inspect --release minilm:1.0.0 --env dev --sign
    """
    from weighbridge.inspection import inspect_folder, parse_exceptions

    if (folder is None) == (release is None):
        raise InputError("FOLDER and --release: give one of the two", rule="input.usage")
    if sign and release is None:
        raise InputError("--sign: states something of a release: name one with --release", rule="input.usage")
    allowed = None if exceptions is None else parse_exceptions(exceptions.read_bytes())
    more: dict[str, Json] = {}
    if release is not None:
        setup = Setup.open(env=env, file=settings, folder=environments)
        report, more = _inspect_release(setup, release=release, sign=sign, exceptions=allowed)
    else:
        assert folder is not None
        report = inspect_folder(folder, exceptions=allowed)
    if sarif is not None:
        sarif.write_text(json.dumps(report.sarif(), indent=1), encoding="utf-8")
    print_result({**more, **report.fields()}, as_json=as_json, lines={**more, **_lines(report)})
    raise typer.Exit(0 if report.verdict == "clean" else 1)


def _inspect_release(
    setup: Setup, *, release: str, sign: bool, exceptions: Mapping[Digest, PickleException] | None
) -> tuple[InspectionReport, dict[str, Json]]:
    from weighbridge.inspection.released import inspect_release, read_registered, state_inspection

    name, version = name_and_version(release)
    if setup.settings.channel.promote_from is not None:
        raise InputError(
            f"--release: {setup.file} is not the first environment: releases are inspected where they are registered"
        )
    key = setup.keys.inspector if sign else None
    if sign and key is None:
        raise SettingsError(f"{setup.file}: trust.keys.inspector: is missing: name the inspector's key there")
    client, now = setup.client(), datetime.now(UTC)
    found = read_registered(client=client, layout=setup.layout, name=name, version=version)
    with progress_bar("inspecting", total=found.load_bytes) as advance:
        report = inspect_release(
            client=client, layout=setup.layout, release=found, exceptions=exceptions, now=now, progress=advance
        )
    said: dict[str, Json] = {"name": name, "version": version, "release": str(found.digest), "statement": None}
    if key is not None:
        said["statement"] = state_inspection(
            client=client, layout=setup.layout, release=found, report=report, signer=setup.signer(key), now=now
        )
    return report, said


def _lines(report: InspectionReport) -> dict[str, object]:
    from weighbridge.inspection.names import printable_path

    found = [
        f"{'blocked' if item.severity == 'block' else 'note'}  {printable_path(file.path)}  {item.rule}: {item.reason}"
        + ("" if item.offset is None else f" (at byte {item.offset})")
        + f". {item.remedy}"
        for file in report.files
        for item in file.findings
    ]
    return {
        "files": f"{len(report.files)}, {sum(file.size for file in report.files):,} bytes",
        "findings": found,
        "looked": "our validators alone; no scanner ran"
        if not report.scanners
        else [f"{item.name} {item.version}" for item in report.scanners],
        "verdict": report.verdict,
    }
