"""One run of the keeper: sign anew, then measure; measure also when signing failed, because that is what matters then."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.errors import ConflictError, WeighbridgeError
from weighbridge.keeper.gauge import Gauge
from weighbridge.logs import Clock
from weighbridge.names import Digest
from weighbridge.trust import Channel, MetadataSource
from weighbridge.trust.validity import Validity, read_validity

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps one channel. `source` and `root` are those of `channel`."""

    channel: Channel
    source: MetadataSource
    root: Digest
    gauge: Gauge
    clock: Clock

    def keep(self) -> Validity:
        """Sign snapshot and timestamp anew and return how long the channel's roles last now.

        Raises:
            WeighbridgeError: as `Channel.refresh_timestamp`; what the channel still has was measured before.
        """
        try:
            self._refresh()
        except WeighbridgeError as failure:
            self._measure_despite(failure)
            raise
        return self._measure()

    def _refresh(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.channel.refresh_timestamp(now=self.clock())
                return
            except ConflictError:
                # Somebody published meanwhile; reading the channel again completes what they began.
                if attempt == ATTEMPTS:
                    raise

    def _measure(self) -> Validity:
        found = read_validity(source=self.source, root=self.root)
        self.gauge.show(found, at=self.clock())
        return found

    def _measure_despite(self, failure: WeighbridgeError) -> None:
        try:
            self._measure()
        except WeighbridgeError as error:
            failure.add_note(f"nor could the channel's validity be read: {error}")
