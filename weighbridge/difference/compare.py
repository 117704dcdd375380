"""Compare two sides, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from weighbridge.bom import compare_boms
from weighbridge.canonical import Json
from weighbridge.difference.side import Side
from weighbridge.release import Release

_Field = tuple[str, Callable[[Side], Json]]


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs. Lists are sets: what is in one alone was added or removed. None: not there, or not known.

    `field` has dots where it is part of something, such as `metrics.accuracy`. `claimed` is whether the training job alone
    says so, on either side.
    """

    field: str
    before: Json
    after: Json
    claimed: bool = False

    @property
    def added(self) -> tuple[Json, ...]:
        """What only `after` lists."""
        return _without(self.after, self.before)

    @property
    def removed(self) -> tuple[Json, ...]:
        """What only `before` lists."""
        return _without(self.before, self.after)


def compare(before: Side | None, after: Side | None) -> tuple[Change, ...]:
    """Return every field in which two sides differ, in the order in which people ask for them."""
    found = [
        Change(field, old, new, claimed=_claimed(field, before, after))
        for field, read in _FIELDS
        if (old := _value(before, read)) != (new := _value(after, read))
    ]
    found += _of_bills(before, after)
    found += _of_mappings("metrics", before, after)
    found += _of_mappings("parameters", before, after)
    return tuple(sorted(found, key=lambda item: _ORDER.index(item.field.partition(".")[0])))


def _of_bills(before: Side | None, after: Side | None) -> Iterator[Change]:
    """Yield what only the bills tell: the rest stands in the releases, and is compared there."""
    if before is None or after is None or before.release is None or after.release is None:
        return
    if before.bill is None or after.bill is None:
        if (before.bill is None) != (after.bill is None):
            yield Change("bill_of_materials", _presence(before), _presence(after))
        return
    for item in compare_boms(before.bill, after.bill):
        if item.kind == "dependencies":
            yield Change(f"dependencies.{item.part}", item.before, item.after)
        elif item.kind == "licences" and item.part != "model":
            yield Change(f"bill_of_materials.licence of {item.part}", item.before, item.after)


def _presence(side: Side) -> Json:
    return None if side.release is None or side.release.bom is None else str(side.release.bom.digest)


def _of_mappings(field: str, before: Side | None, after: Side | None) -> Iterator[Change]:
    old, new = _mapping(before, field), _mapping(after, field)
    claimed = _claimed(field, before, after)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Change(f"{field}.{name}", old.get(name), new.get(name), claimed=claimed)


def _mapping(side: Side | None, field: str) -> Mapping[str, str]:
    if side is None or side.release is None:
        return {}
    lineage = side.release.lineage
    return lineage.metrics if field == "metrics" else lineage.parameters


def _claimed(field: str, before: Side | None, after: Side | None) -> bool:
    return any(
        side is not None and side.release is not None and field in side.release.lineage.claimed
        for side in (before, after)
    )


def _value(side: Side | None, read: Callable[[Side], Json]) -> Json:
    return None if side is None else read(side)


def _of_release(read: Callable[[Release], Json]) -> Callable[[Side], Json]:
    return lambda side: None if side.release is None else read(side.release)


def _base_model(release: Release) -> Json:
    base = release.lineage.base_model
    return None if base is None else f"{base.repository}@{base.revision}"


def _datasets(release: Release) -> Json:
    return [f"{item.name} {item.digest}" for item in release.lineage.datasets]


def _files(release: Release) -> Json:
    return [f"{item.path} {item.digest}" for item in release.load_components]


def _list(values: tuple[str, ...] | None) -> Json:
    return None if values is None else list(values)


def _verdict(side: Side) -> Json:
    return None if side.inspection is None else str(side.inspection.get("verdict"))


def _inspector(side: Side) -> Json:
    """Return which validators and scanners looked, with their versions."""
    if side.inspection is None:
        return None
    by = side.inspection.get("inspector")
    validators = by.get("validators") if isinstance(by, dict) else None
    scanners = side.inspection.get("scanners")
    return [
        *(
            f"validator {name} {version}"
            for name, version in (validators or {}).items()
            if isinstance(validators, dict)
        ),
        *(
            f"scanner {item.get('name')} {item.get('version')}"
            for item in (scanners if isinstance(scanners, list) else ())
            if isinstance(item, dict)
        ),
    ]


def _judged(side: Side) -> Json:
    """Return the files that are not simply clean: what was found in them, or until when they are excepted."""
    if side.inspection is None:
        return None
    files, excepted = side.inspection.get("files"), side.inspection.get("excepted")
    return [
        *(
            f"{item.get('path')}: {', '.join(str(rule) for rule in rules)}"
            for item in (files if isinstance(files, list) else ())
            if isinstance(item, dict) and isinstance(rules := item.get("rules"), list) and rules
        ),
        *(
            f"{item.get('path')}: excepted until {item.get('until')}"
            for item in (excepted if isinstance(excepted, list) else ())
            if isinstance(item, dict)
        ),
    ]


def _without(values: Json, others: Json) -> tuple[Json, ...]:
    known = others if isinstance(others, list) else []
    return tuple(item for item in values if item not in known) if isinstance(values, list) else ()


_FIELDS: tuple[_Field, ...] = (
    ("version", lambda side: None if side.promotion is None else side.promotion.version),
    ("release", lambda side: None if side.promotion is None else str(side.promotion.release)),
    ("release_id", lambda side: str(side.release_id)),
    ("licences", lambda side: _list(side.licences)),
    ("load_bytes", _of_release(lambda release: release.load_bytes)),
    ("base_model", _of_release(_base_model)),
    ("datasets", _of_release(_datasets)),
    ("training_job", _of_release(lambda release: release.lineage.training_job)),
    ("source_commit", _of_release(lambda release: release.lineage.source_commit)),
    ("image", _of_release(lambda release: release.runtime.image)),
    ("lock", _of_release(lambda release: str(release.runtime.lock))),
    ("files", _of_release(_files)),
    ("inspection", _verdict),
    ("inspected_by", _inspector),
    ("inspected_files", _judged),
)
_ORDER = (
    "version", "release", "release_id", "licences", "load_bytes", "metrics", "base_model", "datasets", "training_job",
    "source_commit", "parameters", "image", "lock", "files", "dependencies", "bill_of_materials", "inspection", "inspected_by",
    "inspected_files",
)  # fmt: skip
