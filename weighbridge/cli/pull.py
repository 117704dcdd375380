"""`weighbridge pull`: verify what is promoted, then bring its files into a folder, each byte verified."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.output import print_result, progress_bar
from weighbridge.cli.setup import Setup, split_version
from weighbridge.cli.verified import verified_release


def pull(
    model: options.NameMaybeVersion,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Folder to fill; it is made when it is missing.")],
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    release_id: options.ReleaseIdOption = None,
    as_json: options.AsJson = False,
) -> None:
    """Pull the promoted files that a serving container would load.

    Runs as a reader. A file gets its name only after every byte of it was compared; a pull that was cut off goes on where
    it was, by the chunks that were verified. Example:

    weighbridge pull minilm --env prod --to ./model
    """
    name, version = split_version(model)
    setup = Setup.open(env=env, file=settings, folder=environments)
    client = setup.client()
    found = verified_release(setup, client=client, name=name, version=version, release_id=release_id)
    from weighbridge import pull as pulling

    with progress_bar("pulling", total=found.release.load_bytes) as advance:
        report = pulling.pull(
            client=client,
            release=found.release,
            repository=setup.layout.models_repository,
            destination=to,
            progress=advance,
            records_repository=setup.layout.records_repository,
            keep_partial=True,
        )
    print_result(
        {
            "name": name,
            "version": found.release.version,
            "release": str(found.digest),
            "folder": str(to),
            "files": report.files,
            "bytes": report.bytes,
            "bytes_kept": report.bytes_kept,
            "faults": report.faults,
            "seconds": f"{report.seconds:.3f}",
        },
        as_json=as_json,
    )
