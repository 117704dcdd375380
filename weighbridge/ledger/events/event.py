"""An event: one thing that happened to a model, a channel or an endpoint, as its producer tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Literal, Self, cast, get_args

from weighbridge import canonical
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError, TrustError
from weighbridge.names import Digest, ReleaseId, check_name
from weighbridge.trust.fields import check_keys, mapping, optional_text, text
from weighbridge.trust.times import format_time, parse_time

SCHEMA = "weighbridge.event/v1"
EVENT_LIMIT = 64 * 1024
RULE = "refused.event"

Kind = Literal[
    "founded",
    "registered",
    "inspected",
    "approved",
    "promoted",
    "rolled-back",
    "revoked",
    "accepted",
    "refused",
    "set-back",
    "loaded",
    "model-added",
    "policy-set",
    "key-rotated",
    "renewed",
    "break-glass",
]
KINDS = frozenset[str](get_args(Kind))
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "registered": ("channel", "model", "version", "release"),
    "inspected": ("channel", "model", "version", "release"),
    "approved": ("channel", "model", "version", "release"),
    "promoted": ("channel", "model", "version", "release", "release_id"),
    "rolled-back": ("channel", "model", "version", "release", "release_id"),
    "revoked": ("channel", "release"),
    "accepted": ("environment", "channel", "model", "version", "release", "release_id"),
    "refused": ("channel", "model"),
    "set-back": ("environment", "channel", "model"),
    "loaded": ("channel", "model", "release", "release_id"),
    "model-added": ("channel", "model"),
    "break-glass": ("channel",),
}
_REPEATED_BY_ANYBODY = frozenset({"registered", "inspected", "revoked"})
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/#+-]{0,255}")
_DETAIL = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_DETAILS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event.

    `id` names it for good: the same thing told twice bears the same id. `actor` is who did it, as the producer knows
    (an ARN, a user's name, `pseudonym:HEX`). `details` are texts, at most 64 of up to 1,024 characters; whatever the
    kind needs stands in the other fields.

    Raises:
        InputError: naming the field that is not acceptable.
    """

    id: str
    kind: Kind
    at: datetime
    actor: str
    environment: str | None = None
    channel: str | None = None
    model: str | None = None
    version: str | None = None
    release: Digest | None = None
    release_id: ReleaseId | None = None
    details: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise InputError(f"id: {self.id!r} is not 1 to 256 letters, digits and ._:@/#+-")
        if self.kind not in KINDS:
            raise InputError(f"kind: {self.kind!r} is not one of {', '.join(sorted(KINDS))}")
        if not self.actor or len(self.actor) > 512 or not self.actor.isprintable():
            raise InputError("actor: must be printable text of 1 to 512 characters")
        if self.at.tzinfo is None:
            raise InputError("at: has no time zone: give an aware datetime")
        object.__setattr__(self, "at", self.at.astimezone(UTC).replace(microsecond=0))
        for name in ("environment", "channel", "model", "version"):
            value = getattr(self, name)
            if value is not None:
                check_name(value, field=name)
        for name in _NEEDED.get(self.kind, ()):
            if getattr(self, name) is None:
                raise InputError(f"{name}: an event of kind {self.kind!r} needs it")
        self._check_details()

    def _check_details(self) -> None:
        if len(self.details) > _MOST_DETAILS:
            raise InputError(f"details: {len(self.details)} are more than {_MOST_DETAILS}")
        for name, value in self.details.items():
            if not _DETAIL.fullmatch(name):
                raise InputError(f"details: {name!r} is not of the form lower_case")
            if not isinstance(value, str) or len(value) > 1024 or not (value.isprintable() or value == ""):
                raise InputError(f"details: {name}: must be printable text of at most 1024 characters")

    def says_the_same_as(self, other: Event) -> bool:
        """Return whether both tell of the same thing; they may differ in time and details.

        What anybody of a role may repeat to complete it (a registration, an inspection, a revocation) may be told by another actor too.
        """
        loose = {"at", "details"} | ({"actor"} if self.kind in _REPEATED_BY_ANYBODY else set())
        return all(
            getattr(self, item.name) == getattr(other, item.name) for item in fields(self) if item.name not in loose
        )

    def to_json(self) -> JsonObject:
        """Return the JSON object of schema `weighbridge.event/v1`."""
        details: dict[str, Json] = dict(self.details)
        return {
            "schema": SCHEMA,
            "id": self.id,
            "kind": self.kind,
            "at": format_time(self.at),
            "actor": self.actor,
            "environment": self.environment,
            "channel": self.channel,
            "model": self.model,
            "version": self.version,
            "release": None if self.release is None else str(self.release),
            "release_id": None if self.release_id is None else str(self.release_id),
            "details": details,
        }

    def to_bytes(self) -> bytes:
        """Return the canonical JSON."""
        return canonical.dump(self.to_json())

    @classmethod
    def from_json(cls, document: JsonObject) -> Self:
        """Read what `to_json` gave, strictly.

        Raises:
            TrustError: rule `refused.event`, naming the field.
        """
        try:
            check_keys(document, keys=frozenset({"schema", *(item.name for item in fields(cls))}), schema=SCHEMA)
            release, release_id = optional_text(document, "release"), optional_text(document, "release_id")
            return cls(
                id=text(document, "id"),
                kind=cast(Kind, text(document, "kind")),
                at=parse_time(text(document, "at"), field="at"),
                actor=text(document, "actor"),
                environment=optional_text(document, "environment"),
                channel=optional_text(document, "channel"),
                model=optional_text(document, "model"),
                version=optional_text(document, "version"),
                release=None if release is None else Digest.parse(release, field="release"),
                release_id=None if release_id is None else ReleaseId.parse(release_id, field="release_id"),
                details=_details(mapping(document, "details")),
            )
        except InputError as error:
            raise TrustError(f"event: {error}", rule=RULE) from error

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the bytes of one event; they need not be canonical, as transports write JSON anew.

        Raises:
            TrustError: rule `refused.json` or `refused.event`.
        """
        return cls.from_json(canonical.parse_object(data, what="event", limit=EVENT_LIMIT))


def _details(values: Mapping[str, Json]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, value in values.items():
        if not isinstance(value, str):
            raise InputError(f"details: {name}: is not text")
        found[name] = value
    return found
