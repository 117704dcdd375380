"""What is asked of a resolver, and what it answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from weighbridge.errors import InputError
from weighbridge.names import Digest, ReleaseId, ReleaseReference, check_name
from weighbridge.resolution.acceptance import Acceptance
from weighbridge.resolution.fit import Fit
from weighbridge.trust.times import format_time


@dataclass(frozen=True, slots=True)
class ResolutionRequest:
    """Which promotion of a model to resolve, and the instance type that its release has to fit; None for none.

    `cuda` is the CUDA version that the runtime image is built with, such as `12.8`, where it is known.

    Raises:
        InputError: when `model` is not a legal name, or `cuda` no version.
    """

    model: str
    release_id: ReleaseId
    instance_type: str | None = None
    cuda: str | None = None

    def __post_init__(self) -> None:
        check_name(self.model, field="model name")
        if self.cuda is not None and not re.fullmatch(r"[1-9][0-9]?\.[0-9]", self.cuda):
            raise InputError(f"ImageCuda: {self.cuda!r} is not a CUDA version: give one such as 12.8")


@dataclass(frozen=True, slots=True)
class Resolution:
    """The release that an id names. `remembered` is whether it was answered from memory; `fit` belongs to an endpoint."""

    acceptance: Acceptance
    reference: ReleaseReference
    fit: Fit | None
    remembered: bool

    @property
    def release(self) -> Digest:
        """The release digest."""
        return self.acceptance.release

    def attributes(self) -> dict[str, str | int]:
        """Return the attributes of the custom resource: about 700 bytes, never a secret."""
        found = self.acceptance
        attributes: dict[str, str | int] = {
            "Version": found.version,
            "ReleaseDigest": str(found.release),
            "ReleaseReference": str(self.reference),
            "ImageUri": found.image,
            "WeightsBytes": str(found.load_bytes),
            "PromotionSequence": str(found.release_id.sequence),
            "PromotedAt": format_time(found.promoted_at),
            "Floor": str(found.floor),
        }
        if self.fit is not None:
            attributes |= {
                "StartupTimeoutSeconds": self.fit.startup_seconds,
                "VolumeSizeInGB": self.fit.volume_gb,
                "InferenceAmiVersion": self.fit.ami,
            }
        return attributes
