"""What was measured, as values: medians, ratios of medians' partners in the same round, and the bound."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench.contenders import WEIGHBRIDGE
from bench.goals import Measure
from bench.measure import Measured


@dataclass(frozen=True, slots=True)
class Bound:
    """CPU seconds per GB (1e9 bytes): receive, hash and write by the client, send by the server."""

    receive: float
    hash: float
    write: float
    send: float

    @property
    def client(self) -> float:
        """CPU seconds per GB that a client needs."""
        return self.receive + self.hash + self.write

    def rate(self, cores: int) -> float:
        """Bytes a second when every core does nothing else."""
        return cores * 1e9 / (self.client + self.send)


@dataclass(slots=True)
class Results:
    """`runs` by "SHAPE SCHEME", then by contender, one entry a round; `bounds` by scheme, one entry a round.

    `busy` is the share of the cores in use just before each round.
    """

    cores: int
    machine: str
    sizes: dict[str, int]
    runs: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)
    bounds: dict[str, list[Bound]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    busy: list[float] = field(default_factory=list)

    def add(self, key: str, contender: str, measured: Measured) -> None:
        """Add one run."""
        self.runs.setdefault(key, {}).setdefault(contender, []).append(measured)

    def ratio(self, key: str, against: str, measure: Measure) -> float | None:
        """Median over the rounds of weighbridge's measure divided by the other's in the same round."""
        ours, theirs = self.runs.get(key, {}).get(WEIGHBRIDGE, []), self.runs.get(key, {}).get(against, [])
        pairs = [(getattr(a, measure), getattr(b, measure)) for a, b in zip(ours, theirs, strict=False)]
        return median(a / b for a, b in pairs) if pairs else None

    def floor(self, key: str, against: str, measure: Measure) -> float | None:
        """Median over the rounds of the physical bound's measure divided by the other's: no verified pull can be below it.

        None where the bound says nothing: small files cost requests and names, not bytes.
        """
        shape, scheme = key.split()
        size, theirs, bounds = self.sizes[shape], self.runs.get(key, {}).get(against, []), self.bounds.get(scheme, [])
        if shape == "small" or not theirs or not bounds:
            return None
        found: list[float] = []
        for run, bound in zip(theirs, bounds, strict=False):
            least = size / bound.rate(self.cores) if measure == "wall" else size / 1e9 * bound.client
            found.append(least / (run.wall if measure == "wall" else run.cpu))
        return median(found)

    def of_bound(self, key: str, scheme: str, size: int) -> float | None:
        """Median over the rounds of weighbridge's speed as a fraction of the bound in the same round."""
        ours, bounds = self.runs.get(key, {}).get(WEIGHBRIDGE, []), self.bounds.get(scheme, [])
        pairs = list(zip(ours, bounds, strict=False))
        return median(size / run.wall / bound.rate(self.cores) for run, bound in pairs) if pairs else None

    def write(self, path: Path) -> None:
        """Write everything as JSON, for the plot."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def median_of(runs: Sequence[Measured], measure: str) -> float:
    """Return the median of one measure."""
    return float(median(getattr(run, measure) for run in runs))
