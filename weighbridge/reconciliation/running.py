"""What runs now: which promotion the containers of an endpoint were started with, as they say; findings say what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.admission.claim import Claim, read_claim
from weighbridge.checks.rule import mapping
from weighbridge.names import Digest, ReleaseId
from weighbridge.reconciliation.survey import Endpoint


@dataclass(frozen=True, slots=True)
class Running:
    """One container of an endpoint. `place` is its variant or component."""

    endpoint: str
    place: str
    model: str
    version: str
    release: Digest
    release_id: ReleaseId


def running_of(endpoint: Endpoint) -> Iterator[Running]:
    """Yield what each container that names a release runs."""
    for workload in endpoint.workloads:
        for path, container in workload.containers():
            claim = read_claim(mapping(container.get("Environment")), path=path)
            if isinstance(claim, Claim):
                yield Running(
                    endpoint=endpoint.name,
                    place=workload.place,
                    model=claim.model,
                    version=claim.reference.version,
                    release=claim.reference.digest,
                    release_id=claim.release_id,
                )
