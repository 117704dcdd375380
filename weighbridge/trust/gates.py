"""What a channel's policy asks for beyond statements: origins, formats, time, people. Schema `weighbridge.policy/v2` holds it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError
from weighbridge.trust import fields
from weighbridge.trust.principals import principal_of

_KEYS = frozenset({"base_models", "formats", "soak_hours", "separation", "approvals", "principals"})
# Written where they ask for something alone, so that documents of those who do not use them stay as they were.
_LATER_KEYS = frozenset({"bom", "no_base_model", "scanner"})
BOM_LEVELS = ("consistent", "verified")
_APPROVALS = frozenset({"count", "days"})
_SCANNER = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)
_BASE = re.compile(r"[\w.-]+/[\w.-]+(@[0-9a-f]{40})?", re.ASCII)
MOST_SOAK_HOURS = 8760
MOST_APPROVALS = 16
MOST_APPROVAL_DAYS = 365


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many distinct people must approve a release, each for at most `days` days.

    Raises:
        InputError: for a number out of bounds.
    """

    count: int
    days: int

    def __post_init__(self) -> None:
        _within("approvals.count", self.count, least=1, most=MOST_APPROVALS)
        _within("approvals.days", self.days, least=1, most=MOST_APPROVAL_DAYS)


@dataclass(frozen=True, slots=True)
class Gates:
    """What must hold of a promotion; the defaults ask for nothing.

    `base_models` are hub models `ORG/NAME` or `ORG/NAME@REVISION`, `formats` what the inspector may have found,
    `soak_hours` how long the release was promoted in the channel before. `separation`: who promotes is neither who
    registered, nor who promoted in the channel before, nor who approves. `bom` asks for a bill of materials that tells the same as
    everything else (`consistent`), and of which every critical field is verified (`verified`). `no_base_model` lets releases
    without a base model pass where base models or their owners are restricted. `principals` says whose a promoter's or a
    break-glass key is, by key id: two keys of one person count once. `scanner` is the name of a scanner that must have judged every
    file, beside the inspector's own validators.

    Raises:
        InputError: naming the field.
    """

    base_models: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    soak_hours: int = 0
    separation: bool = False
    approvals: Approvals | None = None
    principals: Mapping[str, str] = field(default_factory=dict)
    bom: str | None = None
    no_base_model: bool = False
    scanner: str | None = None

    def __post_init__(self) -> None:
        for item in self.base_models:
            if not _BASE.fullmatch(item):
                raise InputError(f"gates.base_models: {item!r} is not ORG/NAME or ORG/NAME@REVISION (40 hex digits)")
        if self.bom is not None and self.bom not in BOM_LEVELS:
            raise InputError(f"gates.bom: {self.bom!r} is none of {', '.join(BOM_LEVELS)}")
        if self.scanner is not None and not _SCANNER.fullmatch(self.scanner):
            raise InputError(f"gates.scanner: {self.scanner!r} is no name of a scanner")
        _within("gates.soak_hours", self.soak_hours, least=0, most=MOST_SOAK_HOURS)
        if self.separation and not self.principals:
            raise InputError("gates.separation: nobody is known apart without gates.principals: say whose the keys are")

    @property
    def needs_source(self) -> bool:
        """Whether the promotion in the channel before has to be at hand where a release is loaded."""
        return self.separation or self.soak_hours > 0

    def people(self, key_ids: tuple[str, ...]) -> frozenset[str]:
        """Return whose the keys are; a key that nobody is named for stands for itself."""
        return frozenset(principal_of(self.principals[item]) if item in self.principals else item for item in key_ids)

    def to_json(self) -> JsonObject:
        """Return the policy's field `gates`."""
        approvals: Json = None
        if self.approvals is not None:
            approvals = {"count": self.approvals.count, "days": self.approvals.days}
        later: JsonObject = {} if self.bom is None else {"bom": self.bom}
        if self.no_base_model:
            later["no_base_model"] = True
        if self.scanner is not None:
            later["scanner"] = self.scanner
        return {
            **later,
            "base_models": list(self.base_models),
            "formats": list(self.formats),
            "soak_hours": self.soak_hours,
            "separation": self.separation,
            "approvals": approvals,
            "principals": dict(self.principals),
        }


def parse_gates(document: Mapping[str, Json]) -> Gates:
    """Read the policy's field `gates`.

    Raises:
        InputError: naming the field.
    """
    fields.check_exactly(document, keys=_KEYS | (_LATER_KEYS & document.keys()))
    no_base = document.get("no_base_model", False)
    if not isinstance(no_base, bool):
        raise InputError("gates.no_base_model: must be true or false")
    soak, separation, approvals = document["soak_hours"], document["separation"], document["approvals"]
    if not isinstance(separation, bool):
        raise InputError("gates.separation: must be true or false")
    principals = fields.mapping(document, "principals")
    return Gates(
        base_models=fields.texts(document, "base_models"),
        formats=fields.texts(document, "formats"),
        soak_hours=_whole("gates.soak_hours", soak),
        separation=separation,
        approvals=None if approvals is None else _approvals(fields.mapping(document, "approvals")),
        principals={key_id: fields.text(principals, key_id, limit=256) for key_id in principals},
        bom=fields.text(document, "bom") if "bom" in document else None,
        no_base_model=no_base,
        scanner=fields.text(document, "scanner") if "scanner" in document else None,
    )


def _approvals(document: Mapping[str, Json]) -> Approvals:
    fields.check_exactly(document, keys=_APPROVALS)
    return Approvals(count=fields.positive(document, "count"), days=fields.positive(document, "days"))


def _whole(field_name: str, value: Json) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{field_name}: must be a whole number")
    return value


def _within(field_name: str, value: int, *, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InputError(f"{field_name}: {value} is not from {least} to {most}")
