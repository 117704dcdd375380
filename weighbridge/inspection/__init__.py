"""The inspection gate: an allow-list of formats with strict validators, and a verdict for each file (docs/inspection.md)."""

from weighbridge.inspection.exceptions import PickleException, parse_exceptions, sign_exceptions
from weighbridge.inspection.findings import FileVerdict, Finding, Severity, Verdict
from weighbridge.inspection.folder import inspect_folder
from weighbridge.inspection.report import InspectionReport, ScannerRun
from weighbridge.inspection.rules import RULES, Rule
from weighbridge.inspection.scanners.protocol import ScannedFile, Scanner, ScanResult
from weighbridge.inspection.statement import PREDICATE_TYPE, inspection_predicate

__all__ = [
    "PREDICATE_TYPE",
    "RULES",
    "FileVerdict",
    "Finding",
    "InspectionReport",
    "PickleException",
    "Rule",
    "ScanResult",
    "ScannedFile",
    "Scanner",
    "ScannerRun",
    "Severity",
    "Verdict",
    "inspect_folder",
    "inspection_predicate",
    "parse_exceptions",
    "sign_exceptions",
]
