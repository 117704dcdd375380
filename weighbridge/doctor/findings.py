"""What a check says: a judgement in one line, and for everything but `ok` a remedy in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How a finding counts. `UNKNOWN` never counts as `OK`."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "could not check"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer of a check. `remedy` is empty for `ok` alone."""

    severity: Severity
    message: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if (self.severity is Severity.OK) == bool(self.remedy):
            raise ValueError(f"{self.message!r}: every finding but ok has a remedy, and ok has none")


@dataclass(frozen=True, slots=True)
class Finding:
    """A judgement with the id of the check that gave it."""

    check: str
    severity: Severity
    message: str
    remedy: str

    @classmethod
    def of(cls, check: str, judgement: Judgement) -> Finding:
        """Name `judgement` after the check; both texts become one line each."""
        message, remedy = (" ".join(text.split()) for text in (judgement.message, judgement.remedy))
        return cls(check=check, severity=judgement.severity, message=message, remedy=remedy)

    def fields(self) -> dict[str, str]:
        """Return the finding as flat JSON fields."""
        return {**asdict(self), "severity": self.severity.value}


class NotCheckedError(Exception):
    """Raised inside a check that lacks something it needs; becomes `could not check`."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def ok(message: str) -> Judgement:
    """As it should be."""
    return Judgement(Severity.OK, message)


def warning(message: str, *, remedy: str) -> Judgement:
    """A deployment works, but something will hurt later."""
    return Judgement(Severity.WARNING, message, remedy)


def problem(message: str, *, remedy: str) -> Judgement:
    """A deployment fails, or the chain of trust has a hole."""
    return Judgement(Severity.PROBLEM, message, remedy)


def unknown(message: str, *, remedy: str) -> Judgement:
    """Nobody knows: something that the check needs was missing."""
    return Judgement(Severity.UNKNOWN, message, remedy)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 when there is a problem, else 2 when something could not be checked, else 0."""
    severities = {finding.severity for finding in findings}
    if Severity.PROBLEM in severities:
        return 1
    return 2 if Severity.UNKNOWN in severities else 0
