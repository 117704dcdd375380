"""Options that several commands share, so that they read alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Environment = Annotated[
    str | None,
    typer.Option(
        "--env", envvar="WEIGHBRIDGE_ENV", metavar="NAME", help="Environment: its settings are environments/NAME.yaml."
    ),
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="A settings file, instead of --env.")
]
Environments = Annotated[
    Path,
    typer.Option(
        "--environments", envvar="WEIGHBRIDGE_ENVIRONMENTS", metavar="FOLDER", help="The folder of the settings files."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
Ledger = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URI",
        help="Where promotion numbers are claimed: sqlite:PATH or dynamodb:TABLE. Default: trust.ledger of the settings.",
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="Sign with this key, file:PATH or awskms:KEY. May be repeated. Default: all that the settings name.",
    ),
]
NameVersion = Annotated[
    str, typer.Argument(metavar="NAME:VERSION", help="Model and version, for example minilm:1.0.0.")
]
NameMaybeVersion = Annotated[
    str, typer.Argument(metavar="NAME[:VERSION]", help="Model, and a version of it; without one, what is promoted now.")
]
RootThreshold = Annotated[
    int | None, typer.Option("--root-threshold", min=1, help="How many root keys must sign. Default: a majority.")
]
RevocationReason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever meets the refusal.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="Model name.")]
ReleaseIdOption = Annotated[
    str | None,
    typer.Option("--release-id", metavar="ID", help="SEQUENCE@sha256:DIGEST of a promotion, instead of the newest."),
]

DEFAULT_ENVIRONMENTS = Path("environments")
