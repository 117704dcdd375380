"""A plan: one item for each thing that the environment needs, with its state and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from weighbridge.canonical import JsonObject


class State(StrEnum):
    """`CREATE` and `CHANGE` are what applying does; `DRIFT` is what only a person can put right."""

    OK = "ok"
    CREATE = "create"
    CHANGE = "change"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing. `remedy` is empty for `ok` alone; `mend` does what `create` and `change` promise."""

    kind: str
    name: str
    state: State
    message: str
    remedy: str = ""
    mend: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    def fields(self) -> JsonObject:
        """Return the item as flat JSON fields."""
        return {
            "kind": self.kind,
            "name": self.name,
            "state": self.state.value,
            "message": self.message,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """Items in the order in which they are applied: what grants comes after what it is granted on."""

    environment: str
    items: tuple[Item, ...]

    @property
    def settled(self) -> bool:
        """Whether everything is as it should be."""
        return all(item.state is State.OK for item in self.items)

    def summary(self) -> str:
        """Return one line: how many items are in each state."""
        counted = Counter(item.state for item in self.items)
        return ", ".join(f"{counted[state]} {state.value}" for state in State)

    def fields(self) -> JsonObject:
        """Return the plan as JSON."""
        return {
            "environment": self.environment,
            "settled": self.settled,
            "items": [item.fields() for item in self.items],
        }
