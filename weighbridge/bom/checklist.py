"""What a bill of materials should say: one list of fields, with weights and where each is asked for. It is data.

`checklist.json` is the union of the G7/BSI/CISA elements for AI, SPDX 3 (AI and Dataset profiles), OWASP's AIBOM fields, Annex IV
of the EU AI Act, NIST SP 800-218A and weighbridge's own. `at` says where a field stands: keys with dots between them;
`key[name=value]` takes the entries of a list whose `name` is `value`, `[]` all of them. With `each`, every entry must have that key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypedDict, cast

from weighbridge.canonical import Json

Basis = Literal["bom", "statements"]
_STEP = re.compile(r"([A-Za-z]+)(?:\[(?:([a-z]+)=([^\]]+))?\])?")


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `weight` is from 1 to 5; `verify` names what it can be verified by, None: nothing here can.

    `critical` fields are those that the gate asks to be verified; `only_with` is the path of what must be there for the field to
    mean anything. With `basis` `statements` the field stands in signed statements, never in the bill.
    """

    id: str
    title: str
    weight: int
    sources: tuple[str, ...]
    at: str
    each: str | None = None
    verify: str | None = None
    critical: bool = False
    only_with: str | None = None
    basis: Basis = "bom"

    def applies(self, document: Mapping[str, Json]) -> bool:
        """Whether the field means anything for this bill."""
        return self.only_with is None or any(True for _ in select(document, self.only_with))

    def present(self, document: Mapping[str, Json]) -> bool:
        """Whether the bill says it."""
        found = list(select(document, self.at))
        if self.each is None:
            return bool(found)
        return bool(found) and all(isinstance(item, dict) and item.get(self.each) not in _NOTHING for item in found)


_NOTHING: tuple[Json, ...] = (None, "", [], {})


class _FieldDocument(TypedDict, total=False):
    id: str
    title: str
    weight: int
    sources: list[str]
    at: str
    each: str
    verify: str
    critical: bool
    only_with: str
    basis: Basis


@cache
def checklist() -> tuple[Field, ...]:
    """Return every field, in the order of the file."""
    text = resources.files("weighbridge.bom").joinpath("checklist.json").read_text("utf-8")
    return tuple(_field(item) for item in cast(list[_FieldDocument], json.loads(text)["fields"]))


def missing(document: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the ids of the fields that a bill should say itself and does not."""
    return tuple(
        item.id
        for item in checklist()
        if item.basis == "bom" and item.applies(document) and not item.present(document) and item.at != "serialNumber"
    )


def select(document: Mapping[str, Json], path: str) -> Iterator[Json]:
    """Yield what stands at a path; nothing that is empty."""
    found: Sequence[Json] = [document]
    for step in path.split("."):
        found = [child for item in found for child in _children(item, step)]
    for item in found:
        if item not in _NOTHING:
            yield item


def _children(item: Json, step: str) -> Sequence[Json]:
    match = _STEP.fullmatch(step)
    if match is None:
        raise ValueError(f"{step!r} is no step of a path")
    value = item.get(match[1]) if isinstance(item, dict) else None
    if not step.endswith("]"):
        return [value]
    entries = value if isinstance(value, list) else []
    return [
        entry for entry in entries if match[2] is None or (isinstance(entry, dict) and entry.get(match[2]) == match[3])
    ]


def _field(item: _FieldDocument) -> Field:
    return Field(
        id=item["id"],
        title=item["title"],
        weight=item["weight"],
        sources=tuple(item["sources"]),
        at=item.get("at", ""),
        each=item.get("each"),
        verify=item.get("verify"),
        critical=item.get("critical", False),
        only_with=item.get("only_with"),
        basis=item.get("basis", "bom"),
    )
