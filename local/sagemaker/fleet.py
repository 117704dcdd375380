"""The instances of one endpoint config: started together, ended together."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from local.sagemaker.host import Host
from local.sagemaker.instances import Instance, State, VariantPlan


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """An endpoint config as it is to run for one endpoint."""

    endpoint_name: str
    config_name: str
    variants: tuple[VariantPlan, ...]


class Rotation:
    """Smooth weighted round robin: over a while every choice comes up in proportion to its weight, evenly spread."""

    def __init__(self) -> None:
        self._credit: dict[Hashable, float] = {}

    def choose(self, weights: Sequence[float], keys: Sequence[Hashable]) -> int:
        """Return the index of the next choice; the caller serializes calls."""
        for key, weight in zip(keys, weights, strict=True):
            self._credit[key] = self._credit.get(key, 0.0) + weight
        best = max(range(len(keys)), key=lambda index: self._credit[keys[index]])
        self._credit[keys[best]] -= sum(weights)
        return best


class Fleet:
    """Every instance of a plan, starting from the moment that this is made."""

    def __init__(self, *, host: Host, plan: FleetPlan) -> None:
        self._host = host
        self.plan = plan
        self._lock = threading.Lock()
        self._rotation = Rotation()
        self._next: dict[str, int] = {}
        self._instances = {
            variant.name: [self._launch(variant) for _ in range(variant.count)] for variant in plan.variants
        }

    def wait_started(self) -> str | None:
        """Wait until every instance is healthy; returns the first variant of which one never will be, or None."""
        for variant in self.plan.variants:
            for instance in self.instances(variant.name):
                if not instance.wait_started():
                    return variant.name
        return None

    def failed_variant(self) -> str | None:
        """Return a variant with an instance that will not come back, or None."""
        for variant in self.plan.variants:
            if any(instance.state is State.FAILED for instance in self.instances(variant.name)):
                return variant.name
        return None

    def instances(self, variant: str) -> tuple[Instance, ...]:
        """Return the instances of a variant; none for a name that it does not have."""
        with self._lock:
            return tuple(self._instances.get(variant, ()))

    def healthy_count(self, variant: str) -> int:
        """How many instances of a variant take requests."""
        return sum(instance.state is State.HEALTHY for instance in self.instances(variant))

    def take(self, target_variant: str | None) -> tuple[Instance, str] | None:
        """Reserve a place on a healthy instance; None when there is none. Returns it with its variant's name."""
        plans = [plan for plan in self.plan.variants if target_variant in (None, plan.name)]
        with self._lock:
            while plans:
                index = self._rotation.choose([plan.weight for plan in plans], [plan.name for plan in plans])
                variant = plans.pop(index).name
                instance = self._take_in(variant)
                if instance is not None:
                    return instance, variant
        return None

    def replace(self, index: int, plan: VariantPlan | None) -> Instance | None:
        """End the instance `index` of the first variant and start one of `plan` in its place; None leaves it out."""
        variant = self.plan.variants[0].name
        with self._lock:
            old = self._instances[variant].pop(index)
        old.terminate()
        if plan is None:
            return None
        new = self._launch(plan)
        with self._lock:
            self._instances[variant].insert(index, new)
        return new

    def terminate(self, *, drain_seconds: float | None = None, grace_seconds: float | None = None) -> None:
        """End every instance at the same time; returns when all have ended."""
        with self._lock:
            every = [instance for instances in self._instances.values() for instance in instances]

        def end(instance: Instance) -> None:
            if drain_seconds is None:
                instance.terminate(grace_seconds=grace_seconds)
            else:
                instance.terminate(drain_seconds=drain_seconds, grace_seconds=grace_seconds)

        if every:
            with ThreadPoolExecutor(len(every)) as pool:
                list(pool.map(end, every))

    def _launch(self, variant: VariantPlan) -> Instance:
        return Instance(host=self._host, endpoint_name=self.plan.endpoint_name, plan=variant)

    def _take_in(self, variant: str) -> Instance | None:
        instances = self._instances[variant]
        for _ in instances:
            index = self._next.get(variant, 0) % len(instances)
            self._next[variant] = index + 1
            if instances[index].take():
                return instances[index]
        return None
