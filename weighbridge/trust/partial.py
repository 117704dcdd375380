"""A model's next metadata while it has too few signatures: each promoter's part lies in the store until one completes it.

A part decides nothing: readers see what the snapshot names. Junk beside it is passed over.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Targets
from tuf.api.serialization.json import JSONSerializer

from weighbridge.errors import TrustError
from weighbridge.trust.promotion import Promotion
from weighbridge.trust.repository import parse, read_or_none
from weighbridge.trust.stores import MetadataStore

MOST_PARTS = 32


@dataclass(frozen=True, slots=True)
class SignedPromotion:
    """A promotion, and who signed it: `signed` of the `wanted` distinct people. It is published when all have."""

    promotion: Promotion
    signed: int
    wanted: int

    @property
    def published(self) -> bool:
        """Whether readers see it."""
        return self.signed >= self.wanted


class Parts:
    """The parts of one version of a model's metadata that adds one promotion."""

    def __init__(self, *, store: MetadataStore, promotion: Promotion, version: int) -> None:
        self._store = store
        self._role = promotion.name
        self._prefix = f"pending/parts/{promotion.name}/{version}.{promotion.digest.hex}"

    def collect(self, *, wanted: Targets, delegator: Targets) -> Metadata[Targets] | None:
        """Return the metadata with every valid signature of its parts; None when there is no part yet.

        Args:
            wanted: what the metadata must say; its expiry may be an earlier one.
        """
        found: Metadata[Targets] | None = None
        for data in self._read():
            part = _accept(data, role=self._role, wanted=wanted, delegator=delegator)
            if part is None:
                continue
            if found is None:
                found = part
            elif part.signed == found.signed:
                found.signatures.update(part.signatures)
        return found

    def add(self, metadata: Metadata[Targets]) -> None:
        """Write the metadata with its signatures as the next part.

        Raises:
            ConflictError: when somebody else did at the same time.
            TrustError: rule `refused.parts`, when there are too many.
        """
        number = sum(1 for _ in self._read()) + 1
        if number > MOST_PARTS:
            raise TrustError(f"{self._prefix}: holds {MOST_PARTS} parts: somebody fills it", rule="refused.parts")
        self._store.write_once(f"{self._prefix}.{number}.json", metadata.to_bytes(JSONSerializer(compact=True)))

    def _read(self) -> list[bytes]:
        found: list[bytes] = []
        for number in range(1, MOST_PARTS + 1):
            data = read_or_none(self._store, f"{self._prefix}.{number}.json")
            if data is None:
                break
            found.append(data)
        return found


def _accept(data: bytes, *, role: str, wanted: Targets, delegator: Targets) -> Metadata[Targets] | None:
    try:
        part = parse(data, Targets, path="a part")
        valid = delegator.get_verification_result(role, part.signed_bytes, part.signatures).signed
    except (TrustError, RepositoryError, ValueError):
        return None
    expected = copy.deepcopy(wanted)
    expected.expires = part.signed.expires
    if part.signed != expected or part.signed.expires > wanted.expires:
        return None
    part.signatures = {key_id: found for key_id, found in part.signatures.items() if key_id in valid}
    return part if valid else None
