"""Public keys as TUF knows them, each under its standard key id."""

from __future__ import annotations

import hashlib

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Key

from weighbridge.errors import InputError


def standard_key_id(key: Key) -> str:
    """Return the key id that securesystemslib gives: SHA-256 of the canonical JSON of type, scheme and value."""
    # OLPC's canonical JSON, not RFC 8785: it leaves line breaks as they are, and TUF's key ids are made from it.
    text = encode_canonical({"keytype": key.keytype, "scheme": key.scheme, "keyval": key.keyval})
    return hashlib.sha256(str(text).encode()).hexdigest()


def check_key_id(key: Key, *, expected: str, field: str) -> None:
    """Check that `key` stands under its standard key id.

    One key under two ids would count twice towards a threshold, or hold two roles unseen.

    Raises:
        InputError: naming `field`.
    """
    if key.keyid != expected or standard_key_id(key) != expected:
        raise InputError(f"{field}: {expected[:16]}... is not the standard id of its key", rule="input.key")
