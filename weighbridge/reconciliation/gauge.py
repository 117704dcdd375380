"""What a look found, as metrics by environment that alarms watch, and as one line of the log."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TextIO

from weighbridge.logs import timestamp
from weighbridge.metrics import ENDPOINTS_CHECKED, REVOKED_RUNNING, SEVERE_FINDINGS, Measurement, embedded
from weighbridge.reconciliation.findings import Report


def show(report: Report, *, environment: str, out: TextIO, at: datetime) -> None:
    """Write `EndpointsChecked` (only of a complete look), `SevereFindings` and `RevokedRunning` as one line."""
    measured = [
        Measurement(SEVERE_FINDINGS, report.severe, "Count"),
        Measurement(REVOKED_RUNNING, report.revoked, "Count"),
    ]
    if not report.failures:
        measured.append(Measurement(ENDPOINTS_CHECKED, report.endpoints, "Count"))
    line = {
        **embedded(*measured, dimensions={"Environment": environment}, by=[["Environment"]], at=at),
        "time": timestamp(at),
        "level": "info",
        "event": "reconciled",
        "findings": len(report.findings),
        "held": ",".join(sorted(report.held)) or None,
    }
    out.write(json.dumps(line, ensure_ascii=True) + "\n")
    out.flush()
