"""What a look found, as metrics by environment that alarms watch, and as one line of the log."""

from __future__ import annotations

from datetime import datetime

from weighbridge.logs import JsonLog
from weighbridge.metrics import (
    ENDPOINTS_CHECKED,
    REVOKED_RUNNING,
    RUNNING_PROMOTION,
    SEVERE_FINDINGS,
    Measurement,
    embedded,
)
from weighbridge.reconciliation.findings import Report


def show(report: Report, *, environment: str, log: JsonLog, at: datetime) -> None:
    """Write `EndpointsChecked` (only of a complete look), `SevereFindings` and `RevokedRunning` as one line."""
    measured = [
        Measurement(SEVERE_FINDINGS, report.severe, "Count"),
        Measurement(REVOKED_RUNNING, report.revoked, "Count"),
    ]
    if not report.failures:
        measured.append(Measurement(ENDPOINTS_CHECKED, report.endpoints, "Count"))
    log.measured(
        "reconciled",
        embedded(*measured, dimensions={"Environment": environment}, by=[["Environment"]], at=at),
        findings=len(report.findings),
        held=",".join(sorted(report.held)) or None,
    )


def show_running(report: Report, *, environment: str, log: JsonLog, at: datetime) -> None:
    """Write a line for each container: version and digest now running, and the promotion's number as `RunningPromotion`."""
    for each in report.running:
        log.correlated(each.release_id).measured(
            "running",
            embedded(
                Measurement(RUNNING_PROMOTION, each.release_id.sequence),
                dimensions={"Environment": environment, "Endpoint": each.endpoint},
                by=[["Environment", "Endpoint"]],
                at=at,
            ),
            place=each.place,
            model=each.model,
            version=each.version,
            release=str(each.release),
            release_id=str(each.release_id),
        )
