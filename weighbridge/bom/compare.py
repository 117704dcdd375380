"""What differs between two bills of materials: components, dependencies, datasets, licences, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from weighbridge.bom.facts import bom_facts, licences
from weighbridge.canonical import Json

Kind = Literal["model", "files", "runtime", "dependencies", "base model", "datasets", "licences", "training", "metrics"]
KINDS: Sequence[Kind] = (
    "model", "files", "runtime", "dependencies", "base model", "datasets", "licences", "training", "metrics",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs. `before` is None for what came new, `after` for what is gone."""

    kind: Kind
    part: str
    before: str | None
    after: str | None


def compare_boms(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[Change, ...]:
    """Return what differs between two bills, parsed as `weighbridge.canonical.parse_object` does, by kind and part.

    A dependency at another version is one change; the digests of its archives differ by themselves where the version is the same.
    """
    old, new = _parts(before), _parts(after)
    found = [
        Change(kind=kind, part=part, before=old.get((kind, part)), after=new.get((kind, part)))
        for kind, part in old.keys() | new.keys()
        if old.get((kind, part)) != new.get((kind, part))
    ]
    return tuple(sorted(found, key=lambda item: (KINDS.index(item.kind), item.part)))


def _parts(document: Mapping[str, Json]) -> Mapping[tuple[Kind, str], str]:
    found: dict[tuple[Kind, str], str] = {}
    for part, value in sorted(bom_facts(document).items()):
        if part.startswith("dependency "):
            _, name, version = part.split(" ", 2)
            told = f"{version} ({value})"
            known = found.get(("dependencies", name))
            found["dependencies", name] = told if known is None else f"{known}, {told}"
        else:
            found[_kind(part), part] = value
    for part, names in licences(document).items():
        found["licences", part] = ", ".join(names)
    return found


def _kind(part: str) -> Kind:
    beginnings: Mapping[str, Kind] = {
        "file ": "files",
        "runtime image": "runtime",
        "lock file": "runtime",
        "base model": "base model",
        "dataset ": "datasets",
        "metric ": "metrics",
        "training job": "training",
        "source commit": "training",
        "parameter ": "training",
    }
    return next((kind for beginning, kind in beginnings.items() if part.startswith(beginning)), "model")
