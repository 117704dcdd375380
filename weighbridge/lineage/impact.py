"""What a bad dataset, base model or release touched: transitively, with the reason for each release."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.errors import InputError
from weighbridge.lineage.graph import LineageGraph
from weighbridge.names import Digest
from weighbridge.release import Release
from weighbridge.trust import Promotion


@dataclass(frozen=True, slots=True)
class Suspect:
    """What is bad: exactly one of these.

    `dataset` is `sha256:HEX`, bare 64 hex digits, or a name; `base_model` is `ORG/NAME` or `ORG/NAME@REVISION` (40 hex);
    `release` is a digest.

    Raises:
        InputError: when none or several are given.
    """

    dataset: str | None = None
    base_model: str | None = None
    release: Digest | None = None

    def __post_init__(self) -> None:
        if sum(item is not None for item in (self.dataset, self.base_model, self.release)) != 1:
            raise InputError("suspect: give one of a release, --dataset and --base-model", rule="input.usage")

    def __str__(self) -> str:
        if self.dataset is not None:
            return f"dataset {self.dataset}"
        return f"base model {self.base_model}" if self.base_model is not None else f"release {self.release}"

    def reason(self, digest: Digest, release: Release) -> str | None:
        """Return why the release itself is touched, or None."""
        if self.release is not None:
            return "is the release" if digest == self.release else None
        if self.base_model is not None:
            base = release.lineage.base_model
            repository, _, revision = self.base_model.partition("@")
            # The hub finds repositories whatever their case.
            same = base is not None and base.repository.casefold() == repository.casefold()
            if base is None or not same or (revision and base.revision != revision):
                return None
            return f"base model {base.repository}@{base.revision}"
        wanted = (self.dataset or "").removeprefix("sha256:")
        for dataset in release.lineage.datasets:
            if wanted in (dataset.digest.hex, dataset.name):
                return f"dataset {dataset.name} {dataset.digest}"
        return None


@dataclass(frozen=True, slots=True)
class Touched:
    """A release that is touched. `why` is one line; `via` are the releases that lead to it, the first one first."""

    digest: Digest
    release: Release
    why: str
    via: tuple[Digest, ...]
    promotions: tuple[Promotion, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """Everything that a suspect touched. With `failures` it may be more."""

    suspect: Suspect
    touched: tuple[Touched, ...]
    failures: tuple[str, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that ever promoted a touched release, sorted."""
        return tuple(sorted({item.channel for each in self.touched for item in each.promotions}))


def impact(graph: LineageGraph, suspect: Suspect) -> Impact:
    """Return what `suspect` touched: the releases made with it, and all that were made from those."""
    found = {each.digest: each for each in _direct(graph, suspect)}
    children: dict[Digest, list[tuple[Digest, str]]] = {}
    for item in graph.derivations():
        children.setdefault(item.parent, []).append((item.child, item.why))
    waiting = deque(found)
    while waiting:
        parent = waiting.popleft()
        for child, why in children.get(parent, ()):
            if child in found:
                continue
            of = graph.releases[parent]
            line = f"made from {of.name}:{of.version} ({why})"
            found[child] = _touched(graph, child, why=line, via=(*found[parent].via, parent))
            waiting.append(child)
    ordered = sorted(found.values(), key=lambda item: (item.release.name, item.release.version, item.digest.hex))
    return Impact(suspect=suspect, touched=tuple(ordered), failures=graph.failures)


def _direct(graph: LineageGraph, suspect: Suspect) -> Iterator[Touched]:
    for digest, release in graph.releases.items():
        why = suspect.reason(digest, release)
        if why is not None:
            yield _touched(graph, digest, why=why, via=())


def _touched(graph: LineageGraph, digest: Digest, *, why: str, via: tuple[Digest, ...]) -> Touched:
    release = graph.releases[digest]
    return Touched(digest=digest, release=release, why=why, via=via, promotions=graph.promotions_of(digest))
