"""How long a channel stays believable, as metrics that an alarm can watch."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Protocol, TextIO

from weighbridge.logs import timestamp
from weighbridge.metrics import HOURS_UNTIL_EXPIRY, HOURS_UNTIL_RENEWAL, Measurement, embedded
from weighbridge.trust.validity import Validity


class Gauge(Protocol):
    """Where measurements go."""

    def show(self, validity: Validity, *, at: datetime) -> None:
        """Record how long the channel's roles last from `at` on."""
        ...


class LoggedGauge:
    """Writes embedded metrics by channel to `out`, as one line.

    `HoursUntilExpiry`: hours until snapshot or timestamp expires, which the keeper prevents. `HoursUntilRenewal`: hours
    until the first of the other roles does, which people renew (`weighbridge channel renew`). Negative: expired.
    """

    def __init__(self, *, out: TextIO, channel: str) -> None:
        self._out = out
        self._channel = channel

    def show(self, validity: Validity, *, at: datetime) -> None:
        """See `Gauge.show`."""
        line = {
            **embedded(
                Measurement(HOURS_UNTIL_EXPIRY, validity.online.hours_after(at)),
                Measurement(HOURS_UNTIL_RENEWAL, validity.owned.hours_after(at)),
                dimensions={"Channel": self._channel},
                by=[["Channel"]],
                at=at,
            ),
            "time": timestamp(at),
            "level": "info",
            "event": "channel-validity",
            "expires_first": validity.online.role,
            "expires": timestamp(validity.online.at),
            "renew_first": validity.owned.role,
            "renew_before": timestamp(validity.owned.at),
        }
        self._out.write(json.dumps(line, ensure_ascii=True) + "\n")
        self._out.flush()
