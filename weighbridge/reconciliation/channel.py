"""The channel's verified state for each model that something claims to serve: head and revocations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from weighbridge.admission.claim import Acceptances
from weighbridge.errors import InputError, NothingPromotedError, WeighbridgeError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registry import ArtifactoryClient
from weighbridge.resolution import Scope, TrustedMetadataStore
from weighbridge.resolution.remembered import refresh_remembered
from weighbridge.trust import ChannelState

ReadChannel = Callable[[str, datetime], ChannelState]


@dataclass(frozen=True, slots=True)
class RememberedChannel:
    """Reads a channel from the registry, and from what the environment remembers while the registry does not answer."""

    client: ArtifactoryClient
    layout: ChannelLayout
    root: Digest
    metadata: TrustedMetadataStore
    acceptances: Acceptances

    def __call__(self, model: str, now: datetime) -> ChannelState:
        """Return the state for a model.

        Raises:
            WeighbridgeError: as `refresh_remembered`.
        """
        history = self.acceptances.history(Scope(channel=self.layout.channel, model=model))
        return refresh_remembered(
            client=self.client,
            layout=self.layout,
            root=self.root,
            metadata=self.metadata,
            model=model,
            floor=history.floor(self.root),
            now=now,
            through_outages=True,
        )


def read_states(
    models: Iterable[str], *, read: ReadChannel, now: datetime
) -> tuple[Mapping[str, ChannelState], Mapping[str, str]]:
    """Return the states by model, and why it could not be read by model.

    A model that the channel does not know is in neither: nothing of it was ever promoted, so nothing of it is revoked.
    """
    states: dict[str, ChannelState] = {}
    failures: dict[str, str] = {}
    for model in sorted(set(models)):
        try:
            states[model] = read(model, now)
        except (NothingPromotedError, InputError):
            continue
        except WeighbridgeError as error:
            failures[model] = f"channel of {model}: {error}"
    return states, failures
