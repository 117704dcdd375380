"""Adam (Kingma and Ba 2015) over a dictionary of arrays, with a linear decay of the learning rate to zero."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from containers.encoder.arrays import Floats

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Keeps the moments between steps. `steps` is how many steps the decay lasts."""

    def __init__(self, *, learning_rate: float, steps: int) -> None:
        self._rate = learning_rate
        self._steps = steps
        self._done = 0
        self._first: dict[str, Floats] = {}
        self._second: dict[str, Floats] = {}

    def step(self, weights: Mapping[str, Floats], slopes: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return the weights after one step along `slopes`, the gradient of the loss."""
        rate = self._rate * max(0.0, 1 - self._done / self._steps)
        self._done += 1
        correction = np.sqrt(1 - _BETA2**self._done) / (1 - _BETA1**self._done)
        found = {}
        for name, weight in weights.items():
            slope = slopes[name].astype(np.float32)
            first = self._first.get(name, np.zeros_like(weight)) * _BETA1 + slope * (1 - _BETA1)
            second = self._second.get(name, np.zeros_like(weight)) * _BETA2 + slope * slope * (1 - _BETA2)
            self._first[name], self._second[name] = first, second
            found[name] = (weight - rate * correction * first / (np.sqrt(second) + _EPSILON)).astype(np.float32)
        return found
