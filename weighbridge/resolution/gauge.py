"""How resolutions end, as one line of the log that CloudWatch makes metrics of: resolved, refused, or not answered."""

from __future__ import annotations

from collections.abc import Callable

from weighbridge.canonical import JsonObject
from weighbridge.errors import RefusedError, WeighbridgeError
from weighbridge.logs import Clock, JsonLog, system_clock
from weighbridge.metrics import RESOLUTION_ERRORS, RESOLUTION_REFUSALS, RESOLUTIONS, Measurement, embedded
from weighbridge.resolution.acceptance import Scope
from weighbridge.resolution.resolution import Resolution


def counted(
    resolve: Callable[[], Resolution], *, scope: Scope, log: JsonLog, clock: Clock = system_clock
) -> Resolution:
    """Return what `resolve` returns, and count it by channel and model; what it raises is counted and raised.

    `ResolutionRefusals` are releases that must not be deployed, `ResolutionErrors` all else that kept an answer away: the
    registry, AWS, the function's settings.
    """

    def measured(*, refused: bool, erred: bool) -> JsonObject:
        return embedded(
            Measurement(RESOLUTIONS, int(not (refused or erred)), "Count"),
            Measurement(RESOLUTION_REFUSALS, int(refused), "Count"),
            Measurement(RESOLUTION_ERRORS, int(erred), "Count"),
            dimensions={"Channel": scope.channel, "Model": scope.model},
            by=[["Channel", "Model"]],
            at=clock(),
        )

    try:
        found = resolve()
    except WeighbridgeError as error:
        refused = isinstance(error, RefusedError)
        log.measured("not-resolved", measured(refused=refused, erred=not refused), rule=error.rule)
        raise
    log.measured(
        "resolved",
        measured(refused=False, erred=False),
        version=found.acceptance.version,
        release=str(found.release),
        release_id=str(found.acceptance.release_id),
        remembered=found.remembered,
    )
    return found
