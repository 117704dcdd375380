"""The promotion: a signed record that makes one release the head of one model in one channel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

from weighbridge import canonical
from weighbridge.canonical import JsonObject
from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest, ReleaseId, check_name
from weighbridge.trust import fields
from weighbridge.trust.times import format_time, parse_time

SCHEMA = "weighbridge.promotion/v1"
PROMOTION_LIMIT = 16 * 1024

Reason = Literal["promote", "rollback"]

_KEYS = frozenset(
    {"schema", "channel", "name", "version", "sequence", "release", "statements"}
    | {"source", "source_id", "reason", "promoted_at", "promoted_by"}
)
_TARGET = re.compile(r"promotions/([^/]+)/([1-9][0-9]{0,14})\.json")


@dataclass(frozen=True, slots=True)
class Promotion:
    """One promotion. `sequence` counts a model's promotions in a channel from 1; the highest is the head.

    `release` is the release digest, `statements` the digest of the statements bundle. `source` and `source_id` say
    from which channel, and from which promotion there, the release came; both are None in the first channel.

    Raises:
        InputError: naming the field that is not acceptable.
    """

    channel: str
    name: str
    version: str
    sequence: int
    release: Digest
    statements: Digest
    source: str | None
    source_id: ReleaseId | None
    reason: Reason
    promoted_at: datetime
    promoted_by: str

    def __post_init__(self) -> None:
        check_name(self.channel, field="promotion channel")
        check_name(self.name, field="promotion name")
        check_name(self.version, field="promotion version")
        if self.source is not None:
            check_name(self.source, field="promotion source")
        if (self.source is None) != (self.source_id is None):
            raise InputError("promotion: source and source_id are given together or not at all")
        if self.reason not in ("promote", "rollback"):
            raise InputError(f"promotion reason: {self.reason!r} is neither 'promote' nor 'rollback'")
        document = _to_json(self)
        fields.positive(document, "sequence")
        fields.text(document, "promoted_by", limit=256)

    def to_bytes(self) -> bytes:
        """Return the RFC 8785 bytes, whose SHA-256 is the promotion digest."""
        return canonical.dump(_to_json(self))

    @property
    def digest(self) -> Digest:
        """The promotion digest."""
        return Digest.of(self.to_bytes())

    @property
    def release_id(self) -> ReleaseId:
        """`SEQUENCE@sha256:PROMOTION_DIGEST`, what an environment's parameter holds."""
        return ReleaseId(sequence=self.sequence, digest=self.digest)

    @property
    def target_path(self) -> str:
        """Path of the record among the channel's TUF targets."""
        return promotion_path(name=self.name, sequence=self.sequence)


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """What a promoter wants to publish; the channel adds its own name, the sequence and the time."""

    name: str
    version: str
    release: Digest
    statements: Digest
    source: str | None
    source_id: ReleaseId | None
    reason: Reason
    promoted_by: str

    def promotion(self, *, channel: str, sequence: int, promoted_at: datetime) -> Promotion:
        """Return the record to publish.

        Raises:
            InputError: naming the field that is not acceptable.
        """
        return Promotion(
            channel=channel,
            name=self.name,
            version=self.version,
            sequence=sequence,
            release=self.release,
            statements=self.statements,
            source=self.source,
            source_id=self.source_id,
            reason=self.reason,
            promoted_at=promoted_at.astimezone(UTC).replace(microsecond=0),
            promoted_by=self.promoted_by,
        )

    def asks_for(self, promotion: Promotion) -> bool:
        """Return whether `promotion` is what this request publishes, whenever it was made."""
        return promotion == self.promotion(
            channel=promotion.channel, sequence=promotion.sequence, promoted_at=promotion.promoted_at
        )


def promotion_path(*, name: str, sequence: int) -> str:
    """Return the TUF target path of a promotion."""
    return f"promotions/{name}/{sequence}.json"


def parse_promotion_path(path: str) -> tuple[str, int]:
    """Return (name, sequence) of a TUF target path.

    Raises:
        TrustError: rule `refused.promotion`, when it is not one of a promotion.
    """
    match = _TARGET.fullmatch(path)
    if match is None:
        raise TrustError(f"target {path!r} is not of the form promotions/NAME/SEQUENCE.json", rule="refused.promotion")
    return match[1], int(match[2])


def parse_promotion(data: bytes, *, expected: Digest | None = None) -> Promotion:
    """Return the promotion whose bytes are `data`.

    Args:
        expected: the promotion digest, unless the caller has compared it already.

    Raises:
        TrustError: rule `refused.json` or `refused.promotion`, when the bytes hash to another digest or are not a
            canonical, well-formed promotion.
    """
    found = Digest.of(data)
    if expected is not None and found != expected:
        raise TrustError(f"promotion: the bytes hash to {found}, not to {expected}", rule="refused.promotion")
    document = canonical.parse_object(data, what="promotion", limit=PROMOTION_LIMIT)
    try:
        promotion = _from_json(document)
    except InputError as error:
        raise TrustError(f"promotion {found}: {error}", rule="refused.promotion") from error
    if promotion.to_bytes() != data:
        raise TrustError(f"promotion {found}: not RFC 8785 canonical JSON", rule="refused.promotion")
    return promotion


def _to_json(promotion: Promotion) -> JsonObject:
    return {
        "schema": SCHEMA,
        "channel": promotion.channel,
        "name": promotion.name,
        "version": promotion.version,
        "sequence": promotion.sequence,
        "release": str(promotion.release),
        "statements": str(promotion.statements),
        "source": promotion.source,
        "source_id": None if promotion.source_id is None else str(promotion.source_id),
        "reason": promotion.reason,
        "promoted_at": format_time(promotion.promoted_at),
        "promoted_by": promotion.promoted_by,
    }


def _from_json(document: JsonObject) -> Promotion:
    fields.check_keys(document, keys=_KEYS, schema=SCHEMA)
    source_id = fields.optional_text(document, "source_id")
    return Promotion(
        channel=fields.text(document, "channel"),
        name=fields.text(document, "name"),
        version=fields.text(document, "version"),
        sequence=fields.positive(document, "sequence"),
        release=Digest.parse(fields.text(document, "release"), field="release"),
        statements=Digest.parse(fields.text(document, "statements"), field="statements"),
        source=fields.optional_text(document, "source"),
        source_id=None if source_id is None else ReleaseId.parse(source_id, field="source_id"),
        reason=cast(Reason, fields.text(document, "reason")),
        promoted_at=parse_time(fields.text(document, "promoted_at"), field="promoted_at"),
        promoted_by=fields.text(document, "promoted_by", limit=256),
    )
