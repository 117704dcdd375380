"""Run one check by its id."""

from __future__ import annotations

from weighbridge.doctor import CHECKS, Finding, Setup, Severity, run_check


def findings(check: str, setup: Setup) -> tuple[Finding, ...]:
    """Run the check with this id."""
    (found,) = (entry for entry in CHECKS if entry.id == check)
    return run_check(found, setup)


def worst(check: str, setup: Setup) -> Finding:
    """The one finding that is not ok; fails when there is none, or more than one."""
    (found,) = (finding for finding in findings(check, setup) if finding.severity is not Severity.OK)
    return found
