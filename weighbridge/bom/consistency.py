"""Whether a bill of materials, the release, the lock file, signed statements and what is deployed tell the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from weighbridge import canonical
from weighbridge.bom.facts import (
    Facts,
    bom_facts,
    image_facts,
    inspection_facts,
    lock_facts,
    provenance_facts,
    release_facts,
)
from weighbridge.bom.locked import LockedDependency, parse_lock
from weighbridge.bom.parts import sha256
from weighbridge.bom.references import reference_faults
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import InputError, IntegrityError, RefusedError
from weighbridge.names import Digest
from weighbridge.release import Release
from weighbridge.trust import IMAGE_TYPE, Policy, Statement
from weighbridge.trust.inspected import INSPECTION_TYPE
from weighbridge.trust.provenance import PREDICATE_TYPE

BOM_LIMIT = 64 * 1024 * 1024
_PROVENANCE = "the registrar's provenance"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a bill is held against: the release that names it, and what else is at hand.

    `statements` are verified; those signed by keys of the role that `policy` asks for count. `lock` are the lock file's bytes, None
    when nobody has them. `deployed` is the release digest that an environment runs, None when nobody looked.
    """

    release: Release
    policy: Policy
    statements: Sequence[Statement] = ()
    lock: bytes | None = None
    deployed: Digest | None = None

    def stated(self, predicate_type: str) -> Sequence[Mapping[str, Json]]:
        """Return the predicates of one type that a key of the right role signed."""
        keys = self.policy.keys_for(predicate_type).keys()
        return [
            item.predicate
            for item in self.statements
            if item.predicate_type == predicate_type and not keys.isdisjoint(item.signed_by)
        ]

    def dependencies(self) -> tuple[LockedDependency, ...] | None:
        """Return what the lock file names; None when its bytes are not at hand, not the release's, or not understood."""
        if self.lock is None or sha256(self.lock) != self.release.runtime.lock.hex:
            return None
        try:
            return parse_lock(self.lock)
        except InputError:
            return None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A part of which the bill says one thing and `where` another. None: says nothing of it."""

    part: str
    where: str
    bill: str | None
    other: str | None

    def __str__(self) -> str:
        return f"{self.part}: the bill says {self.bill or 'nothing'}, {self.where} says {self.other or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Consistency:
    """How many comparisons of a part agreed, of how many; and those that did not."""

    compared: int
    disagreements: tuple[Disagreement, ...]

    @property
    def whole(self) -> bool:
        """Whether everything agreed."""
        return not self.disagreements

    @property
    def percent(self) -> int:
        """Whole percent, rounded down: 100 means everything."""
        agreed = max(self.compared - len(self.disagreements), 0)
        return 100 if self.whole else min(agreed * 100 // max(self.compared, 1), 99)


def parse_bom(data: bytes, *, release: Release) -> JsonObject:
    """Return the bill of materials whose bytes are `data`.

    Raises:
        IntegrityError: the bytes are not the bill that the release names; the message names the first part that differs.
        TrustError: rule `refused.json`.
    """
    what = f"{release.name}:{release.version}"
    if release.bom is None or (len(data), Digest.of(data)) != (release.bom.size, release.bom.digest):
        raise IntegrityError(
            f"{what}: this is not the bill of materials that the release names{altered(data, release)}"
        )
    return canonical.parse_object(data, what="bill of materials", limit=BOM_LIMIT)


def altered(data: bytes, release: Release, *, lock: bytes | None = None) -> str:
    """Return which part of bytes that are not the release's bill differs first, for an error line; empty when none does.

    Args:
        lock: bytes of the release's lock file, which dependencies are compared with.
    """
    try:
        document = canonical.parse_object(data, what="bill of materials", limit=BOM_LIMIT)
    except RefusedError:
        return " (it cannot be read)"
    own, libraries = _apart(bom_facts(document))
    found = list(_between(own, release_facts(release), where="the release"))
    if lock is not None and sha256(lock) == release.runtime.lock.hex:
        with contextlib.suppress(InputError):
            found += _between(libraries, lock_facts(parse_lock(lock)), where="the lock file")
    return f" ({found[0]})" if found else ""


def altered_lock(data: bytes, bom: bytes | None) -> str:
    """Return which dependency of bytes that are not the release's lock file differs first from its bill, for an error line."""
    try:
        locked = lock_facts(parse_lock(data))
        document = {} if bom is None else canonical.parse_object(bom, what="bill of materials", limit=BOM_LIMIT)
    except (InputError, RefusedError):
        return " (it cannot be read)"
    _, libraries = _apart(bom_facts(document))
    found = next(_between(libraries, locked, where="the file"), None)
    return "" if found is None else f" ({found})"


def compare_all(document: Mapping[str, Json], evidence: Evidence) -> Consistency:
    """Compare every part of a bill with everything that is at hand."""
    own, libraries = _apart(bom_facts(document))
    release = release_facts(evidence.release)
    found = list(_between(own, release, where="the release"))
    compared = len(own.keys() | release.keys())
    dependencies = evidence.dependencies()
    if dependencies is not None:
        locked = lock_facts(dependencies)
        found += _between(libraries, locked, where="the lock file")
        compared += len(libraries.keys() | locked.keys())
    for where, facts in _stated(evidence):
        # The provenance names everything but files; what others state is about some parts alone.
        all_of_it = where == _PROVENANCE
        bill = {
            part: value for part, value in own.items() if part in facts or (all_of_it and not part.startswith("file "))
        }
        found += _between(bill, facts, where=where)
        compared += len(bill.keys() | facts.keys())
    faults = reference_faults(document)
    found += [Disagreement(part=fault, where="the bill itself", bill="so", other="otherwise") for fault in faults]
    compared += len(faults)
    if evidence.deployed is not None:
        compared += 1
        if evidence.deployed != evidence.release.digest:
            found.append(
                Disagreement(
                    "release", "what is deployed", bill=str(evidence.release.digest), other=str(evidence.deployed)
                )
            )
    return Consistency(compared=compared, disagreements=tuple(found))


def _apart(told: Facts) -> tuple[Facts, Facts]:
    libraries = {part: value for part, value in told.items() if part.startswith("dependency ")}
    return {part: value for part, value in told.items() if part not in libraries}, libraries


def _stated(evidence: Evidence) -> Iterator[tuple[str, Facts]]:
    readers = (
        (PREDICATE_TYPE, _PROVENANCE, provenance_facts),
        (INSPECTION_TYPE, "the inspection", inspection_facts),
        (IMAGE_TYPE, "the statement about the image", image_facts),
    )
    for kind, where, read in readers:
        for predicate in evidence.stated(kind):
            yield where, read(predicate)


def _between(bill: Facts, other: Facts, *, where: str) -> Iterator[Disagreement]:
    for part in sorted(bill.keys() | other.keys()):
        if bill.get(part) != other.get(part):
            yield Disagreement(part=part, where=where, bill=bill.get(part), other=other.get(part))
