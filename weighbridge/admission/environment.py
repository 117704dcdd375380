"""What the functions of the guard read from their environment, strictly. Names: AdmissionHook and Reconciler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from weighbridge.admission.claim import Pins
from weighbridge.environment import digest, registry_url, required, required_name


def read_pins(environ: Mapping[str, str]) -> Pins:
    """Return the environment's pins.

    Raises:
        InputError: naming the first variable that is missing or malformed.
    """
    return Pins(
        channel=required_name(environ, "WEIGHBRIDGE_CHANNEL"),
        root=digest(environ, "WEIGHBRIDGE_ROOT"),
        registry_url=registry_url(environ, "WEIGHBRIDGE_REGISTRY_URL"),
    )


@dataclass(frozen=True, slots=True)
class AdmissionEnvironment:
    """Pins, the environment's name for metrics, and the table of acceptances."""

    environment: str
    pins: Pins
    acceptance_table: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises:
            InputError: naming the first variable that is missing or malformed.
        """
        return cls(
            environment=required_name(environ, "WEIGHBRIDGE_ENVIRONMENT"),
            pins=read_pins(environ),
            acceptance_table=required(environ, "WEIGHBRIDGE_ACCEPTANCE_TABLE"),
        )
