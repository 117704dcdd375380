"""The queue before a channel: releases that the channel before it promoted since, and that nobody promoted onwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from weighbridge.canonical import JsonObject
from weighbridge.errors import InputError, NothingPromotedError, WeighbridgeError
from weighbridge.logs import JsonLog
from weighbridge.metrics import UNPROMOTED_RELEASES, Measurement, embedded
from weighbridge.names import Digest
from weighbridge.reconciliation.channel import ReadChannel
from weighbridge.trust import ChannelState, Promotion


@dataclass(frozen=True, slots=True)
class PromotionQueue:
    """Compares two channels for the models of an environment. `source` reads the channel before, `target` its own."""

    models: Sequence[str]
    source: ReadChannel
    target: ReadChannel

    def show(self, *, channel: str, log: JsonLog, at: datetime) -> None:
        """Write `UnpromotedReleases` for each model, a line each; what cannot be read is an error in the log and no metric.

        It fails nothing: what waits in another channel says nothing about what runs here.
        """
        for model in self.models:
            try:
                found = self.waiting(model, at=at)
            except WeighbridgeError as error:
                log.error("queue-not-read", rule=error.rule, message=f"{model}: {error}")
                continue
            log.measured(
                "queue",
                _measured(len(found), channel=channel, model=model, at=at),
                versions=",".join(item.version for item in found) or None,
            )

    def waiting(self, model: str, *, at: datetime) -> tuple[Promotion, ...]:
        """Return the promotions that wait, oldest first.

        Raises:
            WeighbridgeError: when a channel cannot be read.
        """
        source = _state(self.source, model, at)
        return () if source is None else unpromoted(source, _state(self.target, model, at), model=model)


def unpromoted(source: ChannelState, target: ChannelState | None, *, model: str) -> tuple[Promotion, ...]:
    """Return what was promoted in `source` after what `target` has, once for each release, without what is revoked.

    Newer is what has a higher number in the source than any promotion that the target took over: a version that was
    skipped waits no more.
    """
    taken = () if target is None else target.promotions(model)
    position = max((item.source_id.sequence for item in taken if item.source_id is not None), default=0)
    known: set[Digest] = {item.release for item in taken}
    found: dict[Digest, Promotion] = {}
    for item in source.promotions(model):
        if item.sequence > position and item.release not in known and not source.is_revoked(item.release):
            found.setdefault(item.release, item)
    return tuple(found.values())


def _state(read: ReadChannel, model: str, at: datetime) -> ChannelState | None:
    try:
        return read(model, at)
    except (NothingPromotedError, InputError):
        # The channel does not know the model (yet).
        return None


def _measured(waiting: int, *, channel: str, model: str, at: datetime) -> JsonObject:
    return embedded(
        Measurement(UNPROMOTED_RELEASES, waiting, "Count"),
        dimensions={"Channel": channel, "Model": model},
        by=[["Channel", "Model"]],
        at=at,
    )
