"""`weighbridge inspect`: look at every file of a model before anything is believed or loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.aws import Aws
from weighbridge.cli.output import print_result, progress_bar
from weighbridge.cli.setup import Setup, name_and_version
from weighbridge.errors import InputError, SettingsError

if TYPE_CHECKING:
    from weighbridge.canonical import Json
    from weighbridge.inspection import InspectionReport, PickleException, Scanner
    from weighbridge.layout import ChannelLayout
    from weighbridge.names import Digest
    from weighbridge.registry import ArtifactoryClient
    from weighbridge.release import Release


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
            "--exceptions",
            metavar="LIST",
            help="Pickled files that may pass for a while, signed by `weighbridge except`.",
        ),
    ] = None,
    exceptions_key: Annotated[
        list[str] | None,
        typer.Option(
            "--exceptions-key",
            metavar="KEY",
            help="Who may sign exceptions for FOLDER: public:PATH, file:PATH or awskms:KEY. May be repeated; with --release it is trust.keys.exceptions.",
        ),
    ] = None,
    scanner: Annotated[
        list[str] | None,
        typer.Option(
            "--scanner",
            metavar="NAME[=PROGRAM]",
            help="Have a scanner look, too: hayward or modelaudit. May be repeated. What it does not wholly scan is blocked.",
        ),
    ] = None,
    scanner_memory: Annotated[
        int, typer.Option("--scanner-memory", metavar="GIB", min=1, help="Memory that a scanner may use, in GiB.")
    ] = 4,
    scanner_time: Annotated[
        int, typer.Option("--scanner-time", metavar="SECONDS", min=1, help="Time that a run of a scanner may take.")
    ] = 900,
    as_json: options.AsJson = False,
) -> None:
    """Judge every file of FOLDER, or of a registered release, by its content: an allow-list of formats with strict validators.

    Exit status: 0 clean, 1 blocked, 2 could not run. Nothing is loaded, unpacked or rendered. With --release it runs as the
    inspector: its token may read the first channel, and the release's bytes are streamed and kept nowhere, unless a scanner needs them in a scratch folder; --sign writes the
    signed verdict beside the release's records, where promoting looks for it. Examples:

    weighbridge inspect ./model --sarif findings.sarif

    weighbridge inspect --release minilm:1.0.0 --env dev --sign
    """
    from weighbridge.inspection import inspect_folder

    if (folder is None) == (release is None):
        raise InputError("FOLDER and --release: give one of the two", rule="input.usage")
    if sign and release is None:
        raise InputError("--sign: states something of a release: name one with --release", rule="input.usage")
    if release is not None and exceptions_key:
        raise InputError(
            "--exceptions-key: is for a folder: exceptions for a release are signed with trust.keys.exceptions",
            rule="input.usage",
        )
    scanners = scanners_of(scanner or [], memory=scanner_memory, seconds=scanner_time)
    more: dict[str, Json] = {}
    if release is not None:
        setup = Setup.open(env=env, file=settings, folder=environments)
        allowed = None if exceptions is None else _exceptions(exceptions, keys=_exceptions_keys(setup))
        report, more = _inspect_release(setup, release=release, sign=sign, exceptions=allowed, scanners=scanners)
    else:
        assert folder is not None
        allowed = None if exceptions is None else _exceptions(exceptions, keys=exceptions_key or [])
        report = inspect_folder(folder, exceptions=allowed, scanners=scanners)
    if sarif is not None:
        sarif.write_text(json.dumps(report.sarif(), indent=1), encoding="utf-8")
    print_result({**more, **report.fields()}, as_json=as_json, lines={**more, **report_lines(report)})
    raise typer.Exit(0 if report.verdict == "clean" else 1)


def _exceptions_keys(setup: Setup) -> list[str]:
    if setup.keys.exceptions is None:
        raise SettingsError(f"{setup.file}: trust.keys.exceptions: is missing: name who signs exceptions there")
    return [setup.keys.exceptions]


def _exceptions(file: Path, *, keys: list[str]) -> Mapping[Digest, PickleException]:
    from weighbridge.cli.keyfiles import PUBLIC, read_public_key
    from weighbridge.inspection import parse_exceptions
    from weighbridge.trust import load_signer

    if not keys:
        raise InputError("--exceptions-key: missing: name whose signature lets a pickled file pass", rule="input.usage")
    kms = Aws(region=None).kms() if any(uri.startswith("awskms:") for uri in keys) else None
    found = [
        read_public_key(uri) if uri.startswith(PUBLIC) else load_signer(uri, kms_client=kms).public_key for uri in keys
    ]
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"--exceptions: {file} cannot be read: {error.strerror}", rule="input.exceptions") from error
    return parse_exceptions(data, keys=found)


def scanners_of(names: list[str], *, memory: int, seconds: int) -> tuple[Scanner, ...]:
    """Return the scanners that options name; `memory` in GiB.

    Raises:
        InputError: for one that is not known.
    """
    from weighbridge.inspection.scanners import GIB, HaywardScanner, Limits, ModelAuditScanner

    known: dict[str, type[HaywardScanner] | type[ModelAuditScanner]] = {
        "hayward": HaywardScanner,
        "modelaudit": ModelAuditScanner,
    }
    found = []
    for item in names:
        name, given, program = item.partition("=")
        if name not in known or (given and not program):
            raise InputError(f"--scanner: {item!r}: give {' or '.join(known)}, or NAME=PROGRAM", rule="input.usage")
        limits = Limits(seconds=seconds, memory=memory * GIB)
        found.append(known[name](program=Path(program) if given else None, limits=limits))
    return tuple(found)


def _inspect_release(
    setup: Setup,
    *,
    release: str,
    sign: bool,
    exceptions: Mapping[Digest, PickleException] | None,
    scanners: tuple[Scanner, ...],
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
        if scanners:
            report = _scan_release(client, setup.layout, found, exceptions=exceptions, scanners=scanners, now=now)
        else:
            report = inspect_release(
                client=client, layout=setup.layout, release=found, exceptions=exceptions, now=now, progress=advance
            )
    said: dict[str, Json] = {"name": name, "version": version, "release": str(found.digest), "statement": None}
    if key is not None:
        said["statement"] = state_inspection(
            client=client, layout=setup.layout, release=found, report=report, signer=setup.signer(key), now=now
        )
        _tell(setup, release=found, verdict=report.verdict, statement=str(said["statement"]), now=now)
    return report, said


def _tell(setup: Setup, *, release: Release, verdict: str, statement: str, now: datetime) -> None:
    from weighbridge.cli import events
    from weighbridge.cli.setup import who
    from weighbridge.ledger.events import tell

    event = tell.inspected(
        release=release,
        verdict=verdict,
        statement=statement,
        channel=setup.settings.channel.name,
        environment=setup.settings.environment,
        actor=who(),
        at=now,
    )
    events.tell(setup, event=event)


def _scan_release(
    client: ArtifactoryClient,
    layout: ChannelLayout,
    release: Release,
    *,
    exceptions: Mapping[Digest, PickleException] | None,
    scanners: tuple[Scanner, ...],
    now: datetime,
) -> InspectionReport:
    import tempfile

    from weighbridge.inspection import inspect_folder
    from weighbridge.inspection.released import fetch_release_files

    with tempfile.TemporaryDirectory(prefix="weighbridge-inspect-") as scratch:
        fetch_release_files(client=client, layout=layout, release=release, folder=Path(scratch))
        return inspect_folder(Path(scratch), exceptions=exceptions, scanners=scanners, now=now)


def report_lines(report: InspectionReport) -> dict[str, object]:
    """Return an inspection as lines for people."""
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
