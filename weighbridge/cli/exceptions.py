"""`weighbridge except`: let pickled files pass the inspection for a while, by digest, under a signature."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli import options
from weighbridge.cli.output import print_result
from weighbridge.errors import InputError


def except_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The pickled files that may pass.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="LIST", help="The signed list is written there; it must be new.")
    ],
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="When it ends, for example 2026-12-31T00:00:00Z.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever reads the inspection.")],
    key: Annotated[
        list[str], typer.Option("--key", metavar="KEY", help="Who allows it: file:PATH or awskms:KEY. May be repeated.")
    ],
    region: Annotated[str | None, typer.Option("--region", metavar="REGION", help="Region of KMS keys.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Sign a list of exceptions for pickled files: their digests, an end and a reason.

    Runs as security. The files are hashed and never loaded; `weighbridge inspect --exceptions LIST --exceptions-key KEY` lets
    them pass until the end, and promoting refuses them after it. Example:

    weighbridge except embedding.bin --until 2026-12-31T00:00:00Z --reason "replaced in Q4" --key awskms:alias/security --out list.json
    """
    from weighbridge.cli.aws import Aws
    from weighbridge.inspection import PickleException, sign_exceptions
    from weighbridge.release import hash_file
    from weighbridge.trust import load_signer
    from weighbridge.trust.times import parse_time

    if out.exists():
        raise InputError(f"--out: {out} exists already: choose another name", rule="input.usage")
    ends = parse_time(until, field="--until")
    found = [PickleException(digest=hash_file(file).digest, expires=ends, reason=reason) for file in files]
    kms = Aws(region=region).kms() if any(uri.startswith("awskms:") for uri in key) else None
    signers = [load_signer(uri, kms_client=kms) for uri in key]
    out.write_bytes(sign_exceptions(found, signers=signers))
    print_result(
        {
            "exceptions": [item.digest.hex for item in found],
            "until": until,
            "signed_by": [signer.public_key.keyid for signer in signers],
            "list": str(out),
        },
        as_json=as_json,
    )
