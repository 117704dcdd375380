"""One accepted release, and models, configs and endpoints made of it: what the guard's tests begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from weighbridge.admission import Admission, Pins
from weighbridge.names import Digest, ReleaseId
from weighbridge.resolution import Acceptance, History, Mark, Scope
from weighbridge.trust import Floor

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PINS = Pins(channel="prod", root=Digest.of(b"root"), registry_url="https://registry.example.com/artifactory")
SCOPE = Scope(channel="prod", model="minilm")
IMAGE = f"registry.example.com/docker/inference@{Digest.of(b'image')}"
ACCEPTED = Acceptance(
    scope=SCOPE,
    release_id=ReleaseId(sequence=3, digest=Digest.of(b"promotion")),
    version="1.0.0",
    release=Digest.of(b"release"),
    image=IMAGE,
    load_bytes=1,
    promoted_at=NOW,
    floor=Floor({"root": 1}),
    root=PINS.root,
    accepted_at=NOW,
)
REFERENCE = f"registry.example.com/ml-prod-models/minilm:1.0.0@{ACCEPTED.release}"
ENVIRONMENT = {
    "WEIGHBRIDGE_RELEASE": REFERENCE,
    "WEIGHBRIDGE_PROMOTION": str(ACCEPTED.release_id),
    **PINS.variables(),
    "WEIGHBRIDGE_FLOOR": "root=1",
    "WEIGHBRIDGE_TOKEN_SECRET_ID": "weighbridge/prod/artifactory-reader",
}


def container(**changes: str | None) -> dict[str, Any]:
    """A governed container; a variable that is None is taken away."""
    environment = {name: value for name, value in {**ENVIRONMENT, **changes}.items() if value is not None}
    return {"Image": IMAGE, "Environment": environment}


def model(**changes: Any) -> dict[str, Any]:
    """A governed model as SageMaker describes it."""
    return {
        "PrimaryContainer": container(),
        "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        **changes,
    }


def config(**variant: Any) -> dict[str, Any]:
    """A governed config with one variant, `primary`, of the model `model`."""
    return {
        "KmsKeyId": "alias/endpoints",
        "ProductionVariants": [{"VariantName": "primary", "ModelName": "model", **variant}],
    }


@dataclass
class Memory:
    """Acceptances of one scope."""

    acceptances: tuple[Acceptance, ...] = (ACCEPTED,)
    marks: dict[Any, Mark] = field(default_factory=dict)

    def history(self, scope: Scope) -> History:
        return History(acceptances=self.acceptances if scope == SCOPE else (), marks=self.marks)

    def revoke(self) -> None:
        mark = Mark(ACCEPTED.release_id, "revoked", "leaks", NOW)
        self.marks[(ACCEPTED.release_id, "revoked")] = mark


@dataclass
class FakeCatalogue:
    """Models and configs by name."""

    models: dict[str, Mapping[str, object]] = field(default_factory=lambda: {"model": model()})
    configs: dict[str, Mapping[str, object]] = field(default_factory=lambda: {"config": config()})

    def model(self, name: str) -> Mapping[str, object] | None:
        return self.models.get(name)

    def config(self, name: str) -> Mapping[str, object] | None:
        return self.configs.get(name)


def admission(*, memory: Memory | None = None, catalogue: FakeCatalogue | None = None) -> Admission:
    return Admission(pins=PINS, acceptances=memory or Memory(), catalogue=catalogue or FakeCatalogue())


def accepted(**changes: Any) -> Acceptance:
    return replace(ACCEPTED, **changes)
