"""The sequence ledger: who first claimed a number in a scope, for good.

The registry cannot be asked to write only if nothing changed; this can. A number is claimed with the digest of what it
will stand for, before that is published: two publishers cannot take one number for different things.
"""

from __future__ import annotations

from typing import Protocol

from weighbridge.names import Digest


class SequenceLedger(Protocol):
    """Claims of numbers. Implementations keep one contract (tests/unit/ledger)."""

    def claim(self, *, scope: str, sequence: int, digest: Digest) -> None:
        """Claim `sequence` of `scope` for `digest`. Claiming it again for the same digest is success.

        Raises:
            ConflictError: when it is claimed for another digest.
            InputError: when `scope` is empty or `sequence` is not from 1 to 10^15 - 1.
        """
        ...

    def claimed(self, *, scope: str, sequence: int) -> Digest | None:
        """Return the digest for which `sequence` of `scope` is claimed, or None."""
        ...
