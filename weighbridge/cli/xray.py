"""`weighbridge xray`: what Xray says of a release that was promoted, and the revocation that it asks for."""

from __future__ import annotations

import shlex

import typer

from weighbridge.canonical import Json
from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.cli.setup import Setup, open_tokens, split_version
from weighbridge.cli.verified import verified_release


def xray(
    model: options.NameMaybeVersion,
    env: options.Environment = None,
    settings: options.SettingsFile = None,
    environments: options.Environments = options.DEFAULT_ENVIRONMENTS,
    as_json: options.AsJson = False,
) -> None:
    """Ask Xray about every file of a promoted release. A file that was not wholly scanned is never clean.

    Exit status: 0 clean, 1 a violation or something not scanned. A violation comes with the command that security runs to
    revoke the release; nothing is revoked here. Example: weighbridge xray minilm:1.0.0 --env prod
    """
    from weighbridge.inspection.xray import ask_xray
    from weighbridge.registry import Retries, Timeouts
    from weighbridge.registry.http import Http

    name, version = split_version(model)
    setup = Setup.open(env=env, file=settings, folder=environments)
    url = setup.settings.registry.url
    found = verified_release(setup, client=setup.client(), name=name, version=version, release_id=None).release
    tokens = open_tokens(setup.environ, url=url, region=setup.settings.region)
    http = Http(url=url.removesuffix("/artifactory"), tokens=tokens, timeouts=Timeouts(), retries=Retries())
    verdict = ask_xray(http=http, layout=setup.layout, release=found)
    reason = verdict.revocation_reason()
    request = None
    if reason is not None:
        request = f"weighbridge revoke {found.digest} --reason {shlex.quote(reason)} --apply"
    files: list[Json] = [{"path": file.path, "opinion": file.opinion, "words": file.words} for file in verdict.files]
    print_result(
        {
            "name": found.name, "version": found.version, "release": str(found.digest), "opinion": verdict.opinion,
            "files": files, "revocation": request,
        },
        as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(0 if verdict.opinion == "clean" else 1)
