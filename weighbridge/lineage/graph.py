"""The graph of releases: which of them was made from which.

A release was made from another when (`Derivation.why`)

- `base release`: its parameter `base_release` names the other's digest, as an adapter's training job writes it;
- `dataset`: one of its datasets has the digest of the other release, or of one of its files;
- `same weights`: every weight file of the other is among its own, byte for byte.

The first two stand on what the job or AWS said, the third on hashed bytes alone, whoever claimed what.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from weighbridge.names import Digest
from weighbridge.release import Release
from weighbridge.trust import Promotion

Why = Literal["base release", "dataset", "same weights"]
BASE_RELEASE = "base_release"
_BASE = re.compile(r"sha256:([0-9a-f]{64})$")
WEIGHTS = frozenset({".safetensors", ".gguf", ".onnx", ".bin", ".pt", ".pth", ".pkl", ".ckpt", ".h5", ".npz"})


@dataclass(frozen=True, slots=True)
class Derivation:
    """`child` was made from `parent`."""

    parent: Digest
    child: Digest
    why: Why


@dataclass(frozen=True, slots=True)
class LineageGraph:
    """Releases by digest, and the promotions of each channel, oldest first. `failures` are what could not be read, one line each:
    with any, the graph is not whole."""

    releases: Mapping[Digest, Release]
    promotions: tuple[Promotion, ...] = ()
    failures: tuple[str, ...] = ()

    def derivations(self) -> tuple[Derivation, ...]:
        """Return every derivation between two known releases."""
        by_file = _by_file(self.releases)
        found = {
            (each.parent, each.child): each
            for child in self.releases
            for each in self._parents(child, by_file)
            if each.parent in self.releases and each.parent != child
        }
        return tuple(found.values())

    def named(self, *, name: str, version: str) -> tuple[Digest, ...]:
        """Return the releases NAME:VERSION: one, unless channels disagree."""
        return tuple(
            digest for digest, release in self.releases.items() if (release.name, release.version) == (name, version)
        )

    def promotions_of(self, release: Digest) -> tuple[Promotion, ...]:
        """Return the promotions of a release in all channels."""
        return tuple(item for item in self.promotions if item.release == release)

    def _parents(self, child: Digest, by_file: Mapping[Digest, frozenset[Digest]]) -> Iterator[Derivation]:
        release = self.releases[child]
        weights = _weights(release)
        for owner in sorted({owner for file in weights for owner in by_file[file]}, key=str):
            theirs = _weights(self.releases[owner])
            if theirs and theirs <= weights:
                yield Derivation(parent=owner, child=child, why="same weights")
        for dataset in release.lineage.datasets:
            for owner in sorted({dataset.digest, *by_file.get(dataset.digest, ())}, key=str):
                yield Derivation(parent=owner, child=child, why="dataset")
        base = _BASE.search(release.lineage.parameters.get(BASE_RELEASE, ""))
        if base is not None:
            yield Derivation(parent=Digest(base[1]), child=child, why="base release")

    def heads(self) -> Mapping[tuple[str, str], Promotion]:
        """Return the head of each (channel, model)."""
        found: dict[tuple[str, str], Promotion] = {}
        for item in self.promotions:
            standing = found.get((item.channel, item.name))
            if standing is None or item.sequence > standing.sequence:
                found[item.channel, item.name] = item
        return found


def _by_file(releases: Mapping[Digest, Release]) -> Mapping[Digest, frozenset[Digest]]:
    found: dict[Digest, set[Digest]] = {}
    for digest, release in releases.items():
        for component in release.components:
            found.setdefault(component.digest, set()).add(digest)
    return {file: frozenset(owners) for file, owners in found.items()}


def _weights(release: Release) -> frozenset[Digest]:
    return frozenset(
        component.digest
        for component in release.components
        if component.role == "load" and PurePosixPath(component.path).suffix.lower() in WEIGHTS
    )
