"""The option `--lock`: a lock file, or its digest alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.names import Digest


def read_lock(value: str) -> tuple[Digest, bytes | None]:
    """Return a lock file's digest, and its bytes where `value` is a file's path, not `sha256:HEX`.

    Raises:
        InputError: naming `--lock`, for a malformed digest or a file that cannot be read.
    """
    from weighbridge.names import Digest

    if value.startswith("sha256:"):
        return Digest.parse(value, field="--lock"), None
    try:
        data = Path(value).read_bytes()
    except OSError as error:
        raise InputError(f"--lock: {value} cannot be read: {error.strerror or error}", rule="input.path") from error
    return Digest.of(data), data
