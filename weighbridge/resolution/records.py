"""How acceptances and marks lie in a table of (partition, sort key, bytes): the same in every store.

Sort keys: `accepted#SEQUENCE#HEX` and `mark#SEQUENCE#HEX#KIND`, the sequence in fifteen digits, so that keys sort by it.
"""

from __future__ import annotations

from collections.abc import Iterable

from weighbridge.names import ReleaseId
from weighbridge.resolution.acceptance import Acceptance, History, Mark, Scope

_ACCEPTED = "accepted"
_MARK = "mark"


def partition(scope: Scope) -> str:
    """Return the partition of a scope."""
    return str(scope)


def acceptance_key(release_id: ReleaseId) -> str:
    """Return the sort key of an id's acceptance."""
    return f"{_ACCEPTED}#{_ordered(release_id)}"


def mark_key(mark: Mark) -> str:
    """Return the sort key of a mark."""
    return f"{_MARK}#{_ordered(mark.release_id)}#{mark.kind}"


def to_history(rows: Iterable[tuple[str, bytes]]) -> History:
    """Return the history of all rows (sort key, bytes) of a partition; rows of other kinds are left out."""
    found = sorted(rows)
    marks = [Mark.parse(data) for key, data in found if key.startswith(f"{_MARK}#")]
    return History(
        acceptances=tuple(Acceptance.parse(data) for key, data in found if key.startswith(f"{_ACCEPTED}#")),
        marks={(mark.release_id, mark.kind): mark for mark in marks},
    )


def _ordered(release_id: ReleaseId) -> str:
    return f"{release_id.sequence:015d}#{release_id.digest.hex}"
