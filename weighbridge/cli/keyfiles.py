"""Key files of the CLI: a private PEM, and beside it the public key as TUF writes it, for whoever must know it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast, get_args

from securesystemslib.exceptions import FormatError
from securesystemslib.signer import Key, SSlibKey

from weighbridge.cli.setup import Setup
from weighbridge.errors import InputError
from weighbridge.trust.keys import check_key_id
from weighbridge.trust.signers import KeyScheme, generate_key_file

PUBLIC = "public:"


def make_key(path: Path, *, scheme: str) -> Key:
    """Make a private key in `path` and its public key in `path`.pub.

    Raises:
        InputError: when the scheme is not known, or one of the files exists.
    """
    if scheme not in get_args(KeyScheme):
        raise InputError(f"--scheme: {scheme!r} is not known: give {' or '.join(get_args(KeyScheme))}")
    public = path.with_name(f"{path.name}.pub")
    if public.exists():
        raise InputError(f"{public}: exists already: choose another name", rule="input.signer")
    path.parent.mkdir(parents=True, exist_ok=True)
    key = generate_key_file(path, scheme=cast(KeyScheme, scheme))
    public.write_text(json.dumps({"keyid": key.keyid, **key.to_dict()}, indent=2) + "\n", encoding="utf-8")
    return key


def public_key(setup: Setup, uri: str) -> Key:
    """Return the public key that `file:PATH`, `awskms:KEY` or `public:PATH` names.

    Raises:
        InputError: when it cannot be read, or is not a TUF key under its standard id.
    """
    return read_public_key(uri) if uri.startswith(PUBLIC) else setup.signer(uri).public_key


def read_public_key(uri: str) -> Key:
    """Return the public key in the file that `public:PATH` names.

    Raises:
        InputError: when it cannot be read, or is not a TUF key under its standard id.
    """
    path = Path(uri.removeprefix(PUBLIC))
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        key_id = document.pop("keyid")
        key = SSlibKey.from_dict(key_id, document)
    except OSError as error:
        raise InputError(f"key file {path}: cannot be read: {error.strerror}", rule="input.signer") from error
    except (ValueError, KeyError, TypeError, AttributeError, FormatError) as error:
        raise InputError(f"key file {path}: is not a public key of `weighbridge channel keygen`") from error
    check_key_id(key, expected=key_id, field=f"key file {path}")
    return key
