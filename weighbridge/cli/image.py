"""`weighbridge image`: what the builder of a runtime image states about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.lockfiles import read_lock
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup, who
from weighbridge.errors import SettingsError

app = typer.Typer(help="State what runtime images were built from.", no_args_is_help=True)


@app.callback()
def root_command() -> None:
    """State what runtime images were built from."""


@app.command()
def attest(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="HOST/PATH@sha256:... of the image.")],
    source_commit: Annotated[
        str, typer.Option("--source-commit", metavar="COMMIT", help="What it was built from, 40 hex digits.")
    ],
    lock: Annotated[str, typer.Option("--lock", metavar="FILE", help="Its lock file, or the sha256:... of that.")],
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    builder: Annotated[
        str | None, typer.Option("--builder", metavar="WHO", help="Who built it. Default: the user.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Sign that an image was built here, from that source and lock file, and put it where promoting looks for it.

    Runs as the image's builder: signs with trust.keys.image_builder; its registry token may write `runtime-images/` of the
    channel's records. A channel whose settings name that key promotes no release whose runtime image bears no such statement.
    A lock file that is given is kept there too, and the bills of materials of releases with that image list its dependencies.
    Example:

    weighbridge image attest HOST/serve@sha256:... --source-commit 0123... --lock sha256:... --env dev
    """
    from weighbridge.names import Digest
    from weighbridge.registration.locks import keep_lock
    from weighbridge.trust import bundle, sign_image_statement
    from weighbridge.trust.times import format_time

    setup = Setup.open(env=env, file=settings, folder=environments)
    key = setup.keys.image_builder
    if key is None:
        raise SettingsError(f"{setup.file}: trust.keys.image_builder: is missing: name the builder's key there")
    digest, text = read_lock(lock)
    envelope = sign_image_statement(
        image=image,
        predicate={
            "builder": builder or who(),
            "built_at": format_time(datetime.now(UTC)),
            "lock": str(digest),
            "source_commit": source_commit,
        },
        signers=[setup.signer(key)],
    )
    data = bundle([envelope])
    path = f"{setup.layout.image_statements_folder(image=image)}/image_builder.{Digest.of(data).hex}.json"
    client = setup.client()
    if text is not None:
        keep_lock(client=client, layout=setup.layout, data=text)
    client.deploy_bytes(repository=setup.layout.records_repository, path=path, data=data)
    print_result({"image": image, "statement": str(Digest.of(data)), "path": path}, as_json=as_json)
