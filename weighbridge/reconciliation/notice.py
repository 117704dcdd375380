"""What is told of a finding, and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from weighbridge.canonical import JsonObject
from weighbridge.reconciliation.findings import Finding
from weighbridge.trust.times import format_time

SCHEMA = "weighbridge.finding/v1"
State = Literal["open", "resolved"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A finding as it is told: open (new, changed, or a reminder) or resolved."""

    id: str
    environment: str
    finding: Finding
    state: State
    first_seen: datetime
    at: datetime

    def fields(self) -> JsonObject:
        """Return the notice as JSON, the detail of the event."""
        about = self.finding.about
        return {
            "schema": SCHEMA,
            "id": self.id,
            "state": self.state,
            "environment": self.environment,
            "kind": self.finding.kind,
            "severity": about.severity,
            "title": about.title,
            "remedy": about.remedy,
            "endpoint": self.finding.endpoint,
            "endpoint_arn": self.finding.arn,
            "place": self.finding.place,
            "message": self.finding.message,
            "release": self.finding.release,
            "first_seen": format_time(self.first_seen),
            "at": format_time(self.at),
        }


class Outlet(Protocol):
    """Where notices go. A notice may come twice: it bears the finding's id."""

    def send(self, notices: Sequence[Notice]) -> None:
        """Tell.

        Raises:
            CloudError: when any notice was not taken.
        """
        ...
