"""One run of the reconciler: look, measure, tell. What could not be looked at fails the run, after all else is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weighbridge.errors import CloudError
from weighbridge.logs import Clock, JsonLog
from weighbridge.reconciliation.book import FindingBook, Settled, settle
from weighbridge.reconciliation.gauge import show, show_running
from weighbridge.reconciliation.notice import Outlet
from weighbridge.reconciliation.queue import PromotionQueue
from weighbridge.reconciliation.reconcile import Reconciliation


@dataclass(frozen=True, slots=True)
class ReconcilerRun:
    """Everything that a run needs. `log` gets the metrics too; `queue` is None without a channel before."""

    environment: str
    reconciliation: Reconciliation
    book: FindingBook
    outlets: Sequence[Outlet]
    log: JsonLog
    clock: Clock
    queue: PromotionQueue | None = None

    def __call__(self) -> Settled:
        """Run once.

        Raises:
            CloudError: something could not be looked at or told; what was found is told all the same.
        """
        report = self.reconciliation.look()
        now = self.clock()
        show(report, environment=self.environment, log=self.log, at=now)
        show_running(report, environment=self.environment, log=self.log, at=now)
        if self.queue is not None:
            self.queue.show(channel=self.reconciliation.pins.channel, log=self.log, at=now)
        for finding in report.findings:
            self.log.event(
                "finding", id=finding.id(environment=self.environment), kind=finding.kind, message=finding.message
            )
        settled = settle(report, environment=self.environment, book=self.book, outlets=self.outlets, now=now)
        if report.failures:
            raise CloudError(f"{len(report.failures)} could not be looked at: {'; '.join(report.failures)}"[:2000])
        return settled
