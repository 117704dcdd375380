"""What an audit can find. Each finding bears a rule; the rule says how bad it is and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["severe", "notice"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How bad a finding is, and what to do about it."""

    severity: Severity
    remedy: str


_INTRUDER = "find out who wrote it, from the registry's and AWS's logs"
RULES: Mapping[str, Rule] = {
    "audit.channel": Rule(
        "severe", "do not promote; compare with the trusted metadata that readers keep, restore what was signed"
    ),
    "audit.chain": Rule("severe", "restore the record from another channel or a backup, or promote another version"),
    "audit.file-altered": Rule("severe", f"restore the file from another channel by its digest; {_INTRUDER}"),
    "audit.file-missing": Rule("severe", "restore the file from another channel by its digest"),
    "audit.file-extra": Rule("severe", f"no container loads it: remove it; {_INTRUDER}"),
    "audit.record-altered": Rule("severe", f"restore the record by its digest; {_INTRUDER}"),
    "audit.record-orphan": Rule("severe", f"nothing that is signed names it: remove it; {_INTRUDER}"),
    "audit.registration-unsigned": Rule("severe", f"the registrar did not sign it: remove it; {_INTRUDER}"),
    "audit.promotion-untold": Rule(
        "severe", "find out who signed it; repeat the promotion if it was yours to complete it"
    ),
    "audit.promotion-differs": Rule("severe", "find out who told the ledger something else before the promoter did"),
    "audit.glass-untold": Rule(
        "severe", "ask those who waived; revoke the release if nobody stands for it, rotate the keys"
    ),
    "audit.event-unsigned": Rule(
        "severe", "the channel lacks what the ledger tells: somebody put back an older state, or lied"
    ),
    "audit.accepted-stranger": Rule(
        "severe", "the channel never promoted it: find out who wrote the table of acceptances"
    ),
    "audit.revocation-untold": Rule("severe", "repeat `weighbridge revoke` for it, or find out who signed the list"),
    "audit.revocation-missing": Rule("severe", "repeat `weighbridge revoke` for it: the list lacks what was revoked"),
    "audit.sign-unexplained": Rule(
        "severe", "find out from CloudTrail who signed; revoke what it made, rotate the key"
    ),
    "audit.no-ledger": Rule("notice", "name trust.events in the settings"),
    "audit.no-seals": Rule(
        "notice", "name trust.seals and trust.keys.sealer: nothing else shows a tail that was cut off"
    ),
    "audit.seal": Rule("severe", f"compare with the bucket's versions under Object Lock; {_INTRUDER}"),
    "ledger.edited": Rule("severe", "restore the ledger from a backup up to the last seal"),
    "ledger.missing": Rule("severe", "restore the ledger from a backup up to the last seal"),
    "ledger.reordered": Rule("severe", "restore the ledger from a backup up to the last seal"),
    "ledger.forked": Rule("severe", "restore the ledger from a backup up to the last seal"),
    "ledger.cut-off": Rule("severe", "restore the ledger from a backup up to the last seal"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit. `subject` is what it is about, `message` one line; `rule` is one of `RULES`."""

    rule: str
    subject: str
    message: str

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return RULES[self.rule].severity

    @property
    def remedy(self) -> str:
        """What to do."""
        return RULES[self.rule].remedy


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit looked at and found. `failures` are what it could not look at, one line each: with any, it is not whole."""

    channel: str
    releases: int
    files: int
    entries: int
    findings: tuple[Finding, ...]
    failures: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing severe was found, and all was looked at."""
        return not self.failures and all(item.severity == "notice" for item in self.findings)
