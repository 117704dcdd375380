"""A plan of revocations: one list, complete and of the same releases in every channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weighbridge.lineage.collect import ChannelRecords, models_of
from weighbridge.names import Digest
from weighbridge.trust import ChannelState


@dataclass(frozen=True, slots=True)
class ChannelStep:
    """What a channel's list needs: `known` are on it, `adds` have to be added; both with the reason."""

    channel: str
    known: Mapping[Digest, str]
    adds: Mapping[Digest, str]

    @property
    def all(self) -> Mapping[Digest, str]:
        """The complete list."""
        return {**self.known, **self.adds}


@dataclass(frozen=True, slots=True)
class RevocationPlan:
    """A step for each channel. After all of them every channel revokes the same releases."""

    steps: tuple[ChannelStep, ...]


def plan_revocations(*, channels: Sequence[ChannelRecords], releases: Sequence[Digest], reason: str) -> RevocationPlan:
    """Return what has to be added where: `releases`, and what any other channel revokes already, with its reason.

    Raises:
        TrustError: a channel does not verify.
        RegistryError: a channel cannot be read: nobody revokes in some channels and not in others unseen.
    """
    lists = {channel.layout.channel: _revoked(channel) for channel in channels}
    complete: dict[Digest, str] = {}
    for known in lists.values():
        complete = {**known, **complete}
    for digest in releases:
        complete.setdefault(digest, reason)
    ordered = dict(sorted(complete.items(), key=lambda item: item[0].hex))
    return RevocationPlan(
        steps=tuple(
            ChannelStep(
                channel=name,
                known=known,
                adds={digest: why for digest, why in ordered.items() if digest not in known},
            )
            for name, known in lists.items()
        )
    )


def _revoked(channel: ChannelRecords) -> dict[Digest, str]:
    models = models_of(channel)
    if not models:
        return {}
    state: ChannelState = channel.reader.refresh(models[0])
    return {digest: item.reason for digest, item in state.revocations.items()}
