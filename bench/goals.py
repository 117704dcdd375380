"""The goals, each a ratio to somebody measured in the same run: the table of docs/pull.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.contenders import CURL, FROGML, HUB_CLIENT, REQUESTS, S5CMD

Measure = Literal["wall", "cpu"]


@dataclass(frozen=True, slots=True)
class Goal:
    """weighbridge's `measure` is to be at most `most` times that of `against`, for one shape over one scheme."""

    shape: str
    scheme: str
    against: str
    measure: Measure
    most: float


GOALS = (
    Goal("many", "http", CURL, "wall", 0.9),
    Goal("many", "http", S5CMD, "wall", 1.0),
    Goal("many", "http", REQUESTS, "wall", 0.5),
    Goal("many", "http", HUB_CLIENT, "wall", 0.3),
    Goal("many", "https", CURL, "wall", 1.0),
    Goal("many", "https", FROGML, "wall", 0.2),
    Goal("many", "https", FROGML, "cpu", 0.3),
    Goal("one", "http", CURL, "wall", 1.3),
    Goal("one", "https", CURL, "wall", 1.1),
    Goal("small", "http", CURL, "wall", 1.0),
)
BOUND_GOALS = {"http": 0.9, "https": 0.85}
PEAK_GOAL = 100_000_000


def contenders_of(shape: str, scheme: str) -> tuple[str, ...]:
    """Return whom weighbridge is compared with, in order."""
    found = [goal.against for goal in GOALS if (goal.shape, goal.scheme) == (shape, scheme)]
    return tuple(dict.fromkeys(found))


PAIRS = tuple(dict.fromkeys((goal.shape, goal.scheme) for goal in GOALS))
