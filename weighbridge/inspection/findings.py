"""What a validator says about a file: findings with a rule id, and the verdict they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from weighbridge.inspection.rules import RULES
from weighbridge.names import Digest

Severity = Literal["block", "note"]
Verdict = Literal["clean", "blocked"]

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. `offset` is in bytes from the start of the file, None where it makes no sense."""

    rule: str
    reason: str
    offset: int | None = None
    severity: Severity = "block"

    @property
    def remedy(self) -> str:
        """What to do, from the table of rules."""
        return RULES[self.rule].remedy


class Fault(Exception):  # noqa: N818 - a fault of the file, carried to where it becomes a finding
    """A file breaks its format: nothing that follows in it can be judged."""

    def __init__(self, rule: str, reason: str, *, offset: int | None = None) -> None:
        super().__init__(reason)
        self.finding = Finding(rule=rule, reason=reason, offset=offset)


@dataclass(frozen=True, slots=True)
class ExternalRange:
    """What a model reads from another file: bytes up to `end` of the file `location` beside it."""

    location: str
    end: int


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """One file. `size` is in bytes. Digest and chunk digests are None for what was blocked before its end was read.

    `outside` is what it reads from files beside it; `excepted_until` the end of the exception that lets it pass, and
    `excepted_by` the signed list that holds it.
    """

    path: str
    size: int
    format: str
    findings: tuple[Finding, ...]
    digest: Digest | None = None
    chunks: tuple[Digest, ...] | None = None
    outside: tuple[ExternalRange, ...] = ()
    excepted_until: datetime | None = None
    excepted_by: bytes = b""

    @property
    def verdict(self) -> Verdict:
        """`blocked` when one finding blocks."""
        return verdict_of(self.findings)


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """Return `blocked` when one of `findings` blocks."""
    return "blocked" if any(item.severity == "block" for item in findings) else "clean"


def shown(text: str) -> str:
    """Return `text`, which somebody else wrote, as a short ASCII literal that cannot forge a line or hide a sign."""
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
