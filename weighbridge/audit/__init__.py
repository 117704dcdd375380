"""Does everything still fit together: registry, signed metadata, ledger, acceptances, signatures (docs/audit.md)."""

from weighbridge.audit.audit import AuditSources, audit
from weighbridge.audit.findings import RULES, AuditReport, Finding, Rule
from weighbridge.audit.told import Signing

__all__ = ["RULES", "AuditReport", "AuditSources", "Finding", "Rule", "Signing", "audit"]
