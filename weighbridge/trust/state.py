"""What a channel says, after everything was verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from weighbridge.errors import InputError, NothingPromotedError, TrustError
from weighbridge.names import Digest, ReleaseId
from weighbridge.trust.floor import Floor
from weighbridge.trust.policy import Policy
from weighbridge.trust.promotion import Promotion


@dataclass(frozen=True, slots=True)
class Revocation:
    """A release that must not be resolved or loaded any more."""

    release: Digest
    reason: str
    revoked_at: datetime


@dataclass(frozen=True, slots=True)
class ChannelState:
    """Verified state of one channel, for one model.

    `versions` are the metadata versions seen (a floor for whoever reads later), `expires` the first moment at which
    one of them stops being valid, `read_at` when it was read by the reader's clock, `kept` whether it was read from the kept folder alone, without the registry.
    """

    channel: str
    name: str
    versions: Floor
    policy: Policy
    expires: datetime
    read_at: datetime
    records: Mapping[int, Promotion]
    revocations: Mapping[Digest, Revocation]
    kept: bool = False

    def head(self, name: str) -> Promotion:
        """Return the promotion with the highest sequence.

        Sequences may have gaps (a claim that was never published); there is one record per sequence.

        Raises:
            NothingPromotedError: when there is none.
        """
        self._check_name(name)
        if not self.records:
            raise NothingPromotedError(
                f"{self.channel}: nothing of {name!r} is promoted: promote a release with `weighbridge promote`"
            )
        return self.records[max(self.records)]

    def promotions(self, name: str) -> tuple[Promotion, ...]:
        """Return all promotions, oldest first."""
        self._check_name(name)
        return tuple(self.records[sequence] for sequence in sorted(self.records))

    def promotion(self, name: str, release_id: ReleaseId) -> Promotion:
        """Return the promotion that `release_id` names.

        Raises:
            NothingPromotedError: when nothing is promoted.
            TrustError: rule `refused.promotion`, when the channel does not hold exactly this record.
        """
        self.head(name)
        found = self.records.get(release_id.sequence)
        if found is None or found.digest != release_id.digest:
            raise TrustError(
                f"{self.channel}: {release_id} is no promotion of {name!r} here: "
                f"the head is {self.head(name).release_id}",
                rule="refused.promotion",
            )
        return found

    def is_revoked(self, release: Digest) -> bool:
        """Return whether `release` is on the revocation list."""
        return release in self.revocations

    def _check_name(self, name: str) -> None:
        if name != self.name:
            raise InputError(f"this state was read for {self.name!r}: refresh for {name!r}")
