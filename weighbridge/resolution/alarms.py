"""Alarms: what an answer from memory must not refuse, somebody must learn of.

One line each: JSON in CloudWatch's embedded metric format, so that CloudWatch counts them as the metric
`weighbridge/ResolutionAlarms` by channel and model, and by channel, model and alarm, without any permission or client.
"""

from __future__ import annotations

import json
from typing import Literal, Protocol, TextIO

from weighbridge.logs import Clock, correlation, system_clock, timestamp
from weighbridge.metrics import RESOLUTION_ALARMS, Measurement, embedded
from weighbridge.names import ReleaseId
from weighbridge.resolution.acceptance import Scope

AlarmKind = Literal[
    "backwards", "failed-before", "revoked", "does-not-fit", "memory-unavailable", "rolled-back", "glass-broken"
]
_BY = (("Channel", "Model"), ("Channel", "Model", "Alarm"))


class Alarms(Protocol):
    """Where alarms go."""

    def ring(self, kind: AlarmKind, *, scope: Scope, release_id: ReleaseId, message: str) -> None:
        """Tell of one thing that somebody should look at."""
        ...


class LoggedAlarms:
    """Writes alarms as embedded metrics to `out`, each as one line, flushed at once."""

    def __init__(self, *, out: TextIO, clock: Clock = system_clock) -> None:
        self._out = out
        self._clock = clock

    def ring(self, kind: AlarmKind, *, scope: Scope, release_id: ReleaseId, message: str) -> None:
        """See `Alarms.ring`."""
        now = self._clock()
        line = {
            **embedded(
                Measurement(RESOLUTION_ALARMS, 1, "Count"),
                dimensions={"Channel": scope.channel, "Model": scope.model, "Alarm": kind},
                by=_BY,
                at=now,
            ),
            "time": timestamp(now),
            "level": "alarm",
            "event": "alarm",
            **correlation(release_id),
            "release_id": str(release_id),
            "message": " ".join(message.split()),
        }
        self._out.write(json.dumps(line, ensure_ascii=True) + "\n")
        self._out.flush()
