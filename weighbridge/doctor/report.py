"""What a visit found, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from weighbridge.canonical import JsonObject
from weighbridge.doctor.check import Check, closed, not_asked, run_check
from weighbridge.doctor.findings import Finding, Severity, exit_code
from weighbridge.doctor.setup import Setup

COLOURS = {Severity.OK: "green", Severity.WARNING: "yellow", Severity.PROBLEM: "red", Severity.UNKNOWN: "magenta"}


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one visit, in the order of the checks."""

    environment: str
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0 healthy, 1 with a problem, 2 when something could not be checked."""
        return exit_code(self.findings)

    def count(self, severity: Severity) -> int:
        """Return how many findings have this severity."""
        return Counter(finding.severity for finding in self.findings)[severity]

    def summary(self) -> str:
        """Return one line: how many findings of each severity."""
        return ", ".join(f"{self.count(severity)} {severity.value}" for severity in Severity)

    def fields(self) -> JsonObject:
        """Return the report as JSON."""
        return {
            "environment": self.environment,
            "healthy": self.exit_code == 0,
            "findings": [dict(finding.fields()) for finding in self.findings],
        }


def diagnose(*, setup: Setup, checks: Sequence[Check], progress: Callable[[Check], None] = lambda _: None) -> Report:
    """Run the checks one after another; `progress` hears of each before it runs.

    Where the registry or AWS does not answer at all, the rest of that side is reported and not asked: every question
    would wait for its own time-out.
    """
    findings: list[Finding] = []
    gates: dict[str, Finding] = {}
    for check in checks:
        if check.side in gates:
            findings.append(not_asked(check, gate=gates[check.side]))
            continue
        progress(check)
        found = run_check(check, setup)
        findings += found
        shut = closed(check, found)
        if shut is not None:
            gates[check.side] = shut
    return Report(environment=setup.settings.environment, findings=tuple(findings))


def print_report(report: Report, *, console: Console) -> None:
    """Print the table and the summary."""
    table = Table(title=f"doctor: {report.environment}", title_justify="left")
    table.add_column("check", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("finding and remedy", overflow="fold")
    for finding in report.findings:
        colour = COLOURS[finding.severity]
        text = escape(finding.message) + (f"\n[dim]-> {escape(finding.remedy)}[/dim]" if finding.remedy else "")
        table.add_row(finding.check, f"[{colour}]{finding.severity.value}[/{colour}]", text)
    console.print(table)
    console.print(report.summary(), highlight=False)
