"""A record: a release's two signed-for texts in one file, so that a resolver needs one request for both.

It proves nothing by itself: each text is hashed and compared with what the promotion names.
"""

from __future__ import annotations

from weighbridge import canonical
from weighbridge.errors import TrustError

RECORD_LIMIT = 16 * 1024 * 1024


def make_record(*, release: bytes, statements: bytes) -> bytes:
    """Return the record of the bytes of release.json and a bundle of statements."""
    return canonical.dump({"release": release.decode("utf-8"), "statements": statements.decode("utf-8")})


def parse_record(data: bytes) -> tuple[bytes, bytes]:
    """Return the bytes of release.json and of the bundle of statements, not yet verified.

    Raises:
        TrustError: rule `refused.record`, for anything else.
    """
    document = canonical.parse_object(data, what="record", limit=RECORD_LIMIT)
    release, statements = document.get("release"), document.get("statements")
    if set(document) != {"release", "statements"} or not isinstance(release, str) or not isinstance(statements, str):
        raise TrustError("record: does not hold exactly a release and its statements", rule="refused.record")
    return release.encode("utf-8"), statements.encode("utf-8")
