"""python-tuf's exceptions as refusals with stable rules, each with the way out."""

from __future__ import annotations

from datetime import datetime

from tuf.api.exceptions import BadVersionNumberError, ExpiredMetadataError, UnsignedMetadataError

from weighbridge.errors import TrustError
from weighbridge.trust.times import format_time


def translate(error: Exception, *, path: str | None, now: datetime) -> TrustError:
    """Return the refusal for an error of python-tuf.

    Args:
        path: the metadata file that was fetched last, or None when nothing was fetched yet.
        now: the time against which expiry was checked.
    """
    if isinstance(error, ExpiredMetadataError):
        return TrustError(
            f"expired metadata: {error} at {format_time(now)}: the channel's owner re-signs it "
            "with `weighbridge channel refresh` (timestamp and snapshot) or `weighbridge channel renew` (other roles)",
            rule="refused.expired",
        )
    where = path or "the pinned root"
    if path is None or path.endswith(".root.json"):
        return TrustError(
            f"{where}: not signed by a threshold of the trusted root keys, or not the next version: {error}",
            rule="refused.root",
        )
    if isinstance(error, UnsignedMetadataError):
        return TrustError(
            f"{where}: {error}: it must be signed by a threshold of this role's own keys", rule="refused.signature"
        )
    if isinstance(error, BadVersionNumberError):
        return TrustError(
            f"{where}: older than what was already seen, or another version than the snapshot names: {error}: "
            "somebody put back or mixed metadata of this channel",
            rule="refused.rollback",
        )
    return TrustError(f"{where}: {error}", rule="refused.metadata")
