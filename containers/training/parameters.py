"""Hyperparameters of the fine-tuning, read strictly: SageMaker hands every value over as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from weighbridge.errors import InputError
from weighbridge.names import check_name, check_revision

RULE = "input.hyperparameter"
REQUIRED = ("base_repository", "base_revision", "model_name", "model_version")
OPTIONAL = {"epochs": "3", "batch_size": "32", "learning_rate": "0.001", "max_tokens": "40", "seed": "1"}


@dataclass(frozen=True, slots=True)
class Parameters:
    """`base_repository` is `owner/name` at the 40-hex `base_revision`; `max_tokens` is where texts are cut while training."""

    base_repository: str
    base_revision: str
    model_name: str
    model_version: str
    epochs: int
    batch_size: int
    learning_rate: float
    max_tokens: int
    seed: int

    @classmethod
    def read(cls, values: Mapping[str, str]) -> Self:
        """Read SageMaker's hyperparameters; names that begin with `sagemaker_` are SageMaker's own and passed over.

        Raises:
            InputError: one line naming the hyperparameter that is missing, unknown or malformed.
        """
        own = {name: value for name, value in values.items() if not name.startswith("sagemaker_")}
        for name in REQUIRED:
            if not own.get(name):
                raise InputError(f"hyperparameter {name}: is missing", rule=RULE)
        unknown = sorted(set(own) - {*REQUIRED, *OPTIONAL})
        if unknown:
            raise InputError(
                f"hyperparameter {unknown[0]}: unknown, known are {', '.join((*REQUIRED, *OPTIONAL))}", rule=RULE
            )
        return cls(
            base_repository=own["base_repository"],
            base_revision=check_revision(own["base_revision"], field="hyperparameter base_revision"),
            model_name=check_name(own["model_name"], field="hyperparameter model_name"),
            model_version=check_name(own["model_version"], field="hyperparameter model_version"),
            epochs=_whole(own, "epochs", most=1000),
            batch_size=_whole(own, "batch_size", most=4096),
            learning_rate=_decimal(own, "learning_rate"),
            max_tokens=_whole(own, "max_tokens", most=512),
            seed=_whole(own, "seed", most=2**31),
        )

    def logged(self) -> dict[str, str]:
        """Return what is logged with the model: the settings of the fine-tuning."""
        return {name: str(getattr(self, name)) for name in OPTIONAL}


def _whole(values: Mapping[str, str], name: str, *, most: int) -> int:
    text = values.get(name, OPTIONAL[name])
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise InputError(f"hyperparameter {name}: {text!r} is not a whole number from 1 to {most}", rule=RULE)
    return int(text)


def _decimal(values: Mapping[str, str], name: str) -> float:
    text = values.get(name, OPTIONAL[name])
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise InputError(f"hyperparameter {name}: {text!r} is not a decimal between 0 and 1", rule=RULE)
    return value
