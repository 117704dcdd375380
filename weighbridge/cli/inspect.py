"""`weighbridge inspect`: look at every file of a folder before anything is believed or loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.output import print_result

if TYPE_CHECKING:
    from weighbridge.inspection import InspectionReport


def inspect(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder that holds the model's files.")],
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
    """Judge every file of FOLDER by its content: an allow-list of formats, each with a strict validator.

    Exit status: 0 clean, 1 blocked, 2 could not run. Nothing is loaded, unpacked or rendered. Example:

    weighbridge inspect ./model --sarif findings.sarif
    """
    from weighbridge.inspection import inspect_folder, parse_exceptions

    allowed = None if exceptions is None else parse_exceptions(exceptions.read_bytes())
    report = inspect_folder(folder, exceptions=allowed)
    if sarif is not None:
        sarif.write_text(json.dumps(report.sarif(), indent=1), encoding="utf-8")
    print_result(report.fields(), as_json=as_json, lines=_lines(report))
    raise typer.Exit(0 if report.verdict == "clean" else 1)


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
