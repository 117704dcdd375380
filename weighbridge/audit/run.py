"""One run of the auditor's function: tell what nobody else may tell, seal what the ledger grew by, audit, measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from weighbridge.audit.audit import AuditSources, audit
from weighbridge.audit.findings import AuditReport
from weighbridge.errors import WeighbridgeError
from weighbridge.ledger.events import Event, EventLedger, EventSink, Seal
from weighbridge.logs import Clock, JsonLog
from weighbridge.metrics import AUDIT_FINDINGS, AUDITED_RELEASES, Measurement, embedded


@dataclass(frozen=True, slots=True)
class AuditorRun:
    """What a run works with. `collected` yields what is to be told, `seal` seals the ledger."""

    sources: AuditSources
    ledger: EventLedger
    sink: EventSink
    collected: Callable[[], Iterable[Event]]
    seal: Callable[[], Seal | None]
    log: JsonLog
    clock: Clock

    def __call__(self) -> AuditReport:
        """Run. What one part cannot do keeps no other from being done, and is told as a failure.

        The metric `AuditedReleases` is written of a complete run alone: its absence rings.
        """
        failures = [line for line in (self._tell(), self._seal()) if line is not None]
        report = audit(self.sources, now=self.clock())
        for line in (*failures, *report.failures):
            self.log.error("not-audited", rule="audit.incomplete", message=line)
        for item in report.findings:
            self.log.event(
                "finding", rule=item.rule, severity=item.severity, subject=item.subject, message=item.message
            )
        self._measure(report, complete=not failures and not report.failures)
        return report

    def _tell(self) -> str | None:
        told = 0
        try:
            for event in self.collected():
                if self.ledger.find(event_id=event.id) is None:
                    self.sink.emit(event=event)
                    told += 1
        except WeighbridgeError as error:
            return f"collecting: {error}"
        self.log.event("collected", told=told)
        return None

    def _seal(self) -> str | None:
        try:
            done = self.seal()
        except WeighbridgeError as error:
            return f"sealing: {error}"
        self.log.event("sealed", head=None if done is None else done.head.sequence)
        return None

    def _measure(self, report: AuditReport, *, complete: bool) -> None:
        now = self.clock()
        severe = sum(item.severity == "severe" for item in report.findings)
        measured = [Measurement(AUDIT_FINDINGS, severe, "Count")]
        if complete:
            measured.append(Measurement(AUDITED_RELEASES, report.releases, "Count"))
        self.log.measured(
            "audited",
            embedded(*measured, dimensions={"Environment": self.sources.environment}, by=[["Environment"]], at=now),
            entries=report.entries,
            files=report.files,
        )
