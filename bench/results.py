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

    def rate(self, cores: int) -> float:
        """Bytes a second when every core does nothing else."""
        return cores * 1e9 / (self.receive + self.hash + self.write + self.send)


@dataclass(slots=True)
class Results:
    """`runs` by "SHAPE SCHEME", then by contender, one entry a round; `bounds` by scheme, one entry a round."""

    cores: int
    machine: str
    sizes: dict[str, int]
    runs: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)
    bounds: dict[str, list[Bound]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, contender: str, measured: Measured) -> None:
        """Add one run."""
        self.runs.setdefault(key, {}).setdefault(contender, []).append(measured)

    def ratio(self, key: str, against: str, measure: Measure) -> float | None:
        """Median over the rounds of weighbridge's measure divided by the other's in the same round."""
        ours, theirs = self.runs.get(key, {}).get(WEIGHBRIDGE, []), self.runs.get(key, {}).get(against, [])
        pairs = [(getattr(a, measure), getattr(b, measure)) for a, b in zip(ours, theirs, strict=False)]
        return median(a / b for a, b in pairs) if pairs else None

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
