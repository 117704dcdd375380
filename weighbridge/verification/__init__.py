"""From a channel's verified state to a verified release: the chain that resolver, container and CLI share."""

from weighbridge.verification.record import make_record, parse_record
from weighbridge.verification.release import (
    VerifiedRelease,
    fetch_record,
    fetch_release,
    refuse_revoked,
    verify_release,
)

__all__ = [
    "VerifiedRelease",
    "fetch_record",
    "fetch_release",
    "make_record",
    "parse_record",
    "refuse_revoked",
    "verify_release",
]
