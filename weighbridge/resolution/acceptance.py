"""What an environment remembers of release ids: which it accepted, and what it learned of them since.

An acceptance is written once and answers the same id for ever after. Marks are added, never taken away: `tried` before
an id is verified for the first time, `failed` after its rollout was taken back, `revoked` when security revoked it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Self, cast

from weighbridge import canonical
from weighbridge.canonical import JsonObject
from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest, ReleaseId, check_name
from weighbridge.trust import Floor
from weighbridge.trust.times import format_time, parse_time

SCHEMA = "weighbridge.acceptance/v1"
MarkKind = Literal["tried", "failed", "revoked"]


@dataclass(frozen=True, slots=True)
class Scope:
    """A model in a channel: ids of one scope are compared with each other."""

    channel: str
    model: str

    def __post_init__(self) -> None:
        check_name(self.channel, field="channel")
        check_name(self.model, field="model name")

    def __str__(self) -> str:
        return f"{self.channel}/{self.model}"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A release id that passed every gate once, with what the answer is made of.

    `load_bytes` is the sum of the sizes of what a container loads; `floor` the metadata versions seen when it was
    accepted; `root` the pinned root that they were verified from.
    """

    scope: Scope
    release_id: ReleaseId
    version: str
    release: Digest
    image: str
    load_bytes: int
    promoted_at: datetime
    floor: Floor
    root: Digest
    accepted_at: datetime

    def to_bytes(self) -> bytes:
        """Return the canonical JSON that is stored."""
        return canonical.dump(
            {
                "schema": SCHEMA,
                "channel": self.scope.channel,
                "name": self.scope.model,
                "release_id": str(self.release_id),
                "version": self.version,
                "release": str(self.release),
                "image": self.image,
                "load_bytes": self.load_bytes,
                "promoted_at": format_time(self.promoted_at),
                "floor": str(self.floor),
                "root": str(self.root),
                "accepted_at": format_time(self.accepted_at),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave.

        Raises:
            TrustError: rule `refused.acceptance`, for anything else: the table was written by something else.
        """
        document = canonical.parse_object(data, what="acceptance")
        try:
            load_bytes = document["load_bytes"]
            if document.get("schema") != SCHEMA or not isinstance(load_bytes, int):
                raise InputError(f"schema: is not {SCHEMA}")
            return cls(
                scope=Scope(channel=_text(document, "channel"), model=_text(document, "name")),
                release_id=ReleaseId.parse(_text(document, "release_id")),
                version=_text(document, "version"),
                release=Digest.parse(_text(document, "release")),
                image=_text(document, "image"),
                load_bytes=load_bytes,
                promoted_at=parse_time(_text(document, "promoted_at"), field="promoted_at"),
                floor=Floor.parse(_text(document, "floor")),
                root=Digest.parse(_text(document, "root")),
                accepted_at=parse_time(_text(document, "accepted_at"), field="accepted_at"),
            )
        except (InputError, KeyError) as error:
            raise TrustError(f"acceptance: not one of weighbridge: {error}", rule="refused.acceptance") from error


@dataclass(frozen=True, slots=True)
class Mark:
    """What was learned of an id; `reason` is one line."""

    release_id: ReleaseId
    kind: MarkKind
    reason: str
    marked_at: datetime

    def to_bytes(self) -> bytes:
        """Return the canonical JSON that is stored."""
        return canonical.dump(
            {
                "release_id": str(self.release_id),
                "kind": self.kind,
                "reason": self.reason,
                "marked_at": format_time(self.marked_at),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave.

        Raises:
            TrustError: rule `refused.acceptance`, for anything else.
        """
        document = canonical.parse_object(data, what="mark")
        try:
            kind = _text(document, "kind")
            if kind not in ("tried", "failed", "revoked"):
                raise InputError(f"kind: {kind!r} is not known")
            return cls(
                release_id=ReleaseId.parse(_text(document, "release_id")),
                kind=cast(MarkKind, kind),
                reason=_text(document, "reason"),
                marked_at=parse_time(_text(document, "marked_at"), field="marked_at"),
            )
        except (InputError, KeyError) as error:
            raise TrustError(f"mark: not one of weighbridge: {error}", rule="refused.acceptance") from error


@dataclass(frozen=True, slots=True)
class History:
    """Everything that is remembered of a scope. Acceptances are sorted by sequence."""

    acceptances: tuple[Acceptance, ...]
    marks: Mapping[tuple[ReleaseId, MarkKind], Mark]

    def has(self, release_id: ReleaseId, kind: MarkKind) -> bool:
        """Return whether the id bears that mark."""
        return (release_id, kind) in self.marks

    def knows(self, release_id: ReleaseId) -> bool:
        """Return whether a deployment ever asked for the id."""
        return self.has(release_id, "tried") or any(item.release_id == release_id for item in self.acceptances)

    def highest(self) -> int:
        """Return the highest sequence that was accepted and did not fail; 0 when there is none."""
        return max(
            (item.release_id.sequence for item in self.acceptances if not self.has(item.release_id, "failed")),
            default=0,
        )

    def floor(self, root: Digest) -> Floor:
        """Return the highest metadata versions that were seen from the pinned `root`."""
        found = Floor({})
        for item in self.acceptances:
            if item.root == root:
                found = found.merge(item.floor)
        return found


class AcceptanceStore(Protocol):
    """Remembers acceptances and marks. Implementations keep one contract (tests/unit/resolution)."""

    def find(self, scope: Scope, release_id: ReleaseId) -> Acceptance | None:
        """Return the acceptance of an id, or None. Reads what was last written.

        Raises:
            CloudError: when the store does not answer: an id that may be accepted is never judged without it.
        """
        ...

    def accept(self, acceptance: Acceptance) -> Acceptance:
        """Remember an acceptance, unless the id is accepted already; return the one that stands."""
        ...

    def mark(self, scope: Scope, mark: Mark) -> bool:
        """Add a mark; return whether it is new. The first of a kind stands."""
        ...

    def history(self, scope: Scope) -> History:
        """Return everything that is remembered of a scope."""
        ...


def _text(document: JsonObject, name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise InputError(f"{name}: is not text")
    return value
