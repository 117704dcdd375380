"""What every ledger checks, and says, alike."""

from __future__ import annotations

from weighbridge.errors import ConflictError, InputError
from weighbridge.names import Digest


def check_claim(*, scope: str, sequence: int) -> None:
    """Check a claim's key.

    Raises:
        InputError: naming the field.
    """
    if not scope or len(scope) > 256 or not scope.isprintable():
        raise InputError(f"ledger scope: {scope!r} is not printable text of 1 to 256 characters")
    if not 1 <= sequence < 10**15:
        raise InputError(f"ledger sequence: {sequence} is not a number from 1")


def conflict(*, scope: str, sequence: int, digest: Digest, held: Digest) -> ConflictError:
    """Return the error for a number that somebody else claimed."""
    return ConflictError(
        f"{scope}: number {sequence} is claimed for {held}, not for {digest}: "
        "somebody else was first: read again and retry"
    )
