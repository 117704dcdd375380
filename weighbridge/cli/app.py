"""The commands, put together. Each imports what it needs when it runs, so that `--help` is quick anywhere."""

from __future__ import annotations

from typing import Annotated

import typer

from weighbridge import __version__
from weighbridge.cli import (
    admit,
    approve,
    audit,
    bom,
    channel,
    channel_keys,
    channel_upkeep,
    diff,
    doctor,
    exceptions,
    guard,
    image,
    inspect,
    ledger,
    lineage,
    network,
    promote,
    pull,
    reconcile,
    register,
    registry_setup,
    release,
    resolve,
    revoke,
    train,
    upload,
    xray,
)

app = typer.Typer(
    name="weighbridge",
    help="A governed supply chain for AI models: upload, register and promote releases in Artifactory, and check them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in (
    ("show", channel_upkeep.show),
    ("root", channel_upkeep.root_digest),
    ("refresh", channel_upkeep.refresh),
    ("renew", channel_upkeep.renew),
    ("revoke", channel_upkeep.revoke),
    ("set-promoters", channel_keys.set_promoters),
    ("set-security", channel_keys.set_security),
    ("rotate-root", channel_keys.rotate_root),
):
    channel.app.command(name)(command)
app.add_typer(channel.app, name="channel")
app.command("upload")(upload.upload)
app.command("register")(register.register)
app.command("promote")(promote.promote)
app.command("approve")(approve.approve)
app.command("break-glass")(approve.break_glass)
app.add_typer(image.app, name="image")
app.command("resolve")(resolve.resolve)
app.command("pull")(pull.pull)
app.add_typer(release.app, name="release")
app.add_typer(bom.app, name="bom")
app.add_typer(ledger.app, name="ledger")
app.command("lineage")(lineage.lineage)
app.command("impact")(lineage.impact)
app.command("where")(lineage.where)
app.command("revoke")(revoke.revoke)
app.command("audit")(audit.audit)
app.command("doctor")(doctor.doctor)
app.add_typer(guard.app, name="guard")
app.add_typer(network.app, name="network")
app.add_typer(train.app, name="train")
app.command("diff")(diff.diff)
app.command("reconcile")(reconcile.reconcile)
app.command("inspect")(inspect.inspect)
app.command("admit")(admit.admit)
app.command("except")(exceptions.except_files)
app.command("xray")(xray.xray)
app.command("setup")(registry_setup.setup)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"weighbridge {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Options of every command."""
