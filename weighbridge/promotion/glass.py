"""Broken glass is told before it lets anything through: where nobody can be told, nothing is published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from weighbridge.errors import TrustError, WeighbridgeError
from weighbridge.names import Digest


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """A promotion that is about to be published although gates would refuse it, because two people waived them.

    `waived` are the gates, `statements` is the digest of the bundle that holds the waivers.
    """

    channel: str
    name: str
    version: str
    release: Digest
    statements: Digest
    waived: tuple[str, ...]
    promoted_by: str
    at: datetime


Ring = Callable[[BrokenGlass], None]


def ring_first(ring: Ring | None, *, glass: BrokenGlass) -> None:
    """Tell of broken glass; do nothing where no gate was waived.

    Raises:
        TrustError: rule `refused.glass-untold`, when there is nobody to tell.
        WeighbridgeError: `ring`'s own error, when it could not tell.
    """
    if not glass.waived:
        return
    what = f"{glass.name}:{glass.version}: {', '.join(glass.waived)} of {glass.channel} waived by two people"
    if ring is None:
        raise TrustError(
            f"{what}, and nobody would be told: promote with `weighbridge promote`", rule="refused.glass-untold"
        )
    try:
        ring(glass)
    except WeighbridgeError as error:
        raise type(error)(
            f"{what}, and nobody could be told, so nothing is promoted: {error}", rule=error.rule
        ) from error
