"""What an inspection found, as one value, as JSON and as SARIF 2.1.0 (OASIS)."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge import __version__
from weighbridge.canonical import Json, JsonObject
from weighbridge.inspection.findings import FileVerdict, Finding, Verdict
from weighbridge.inspection.names import printable_path
from weighbridge.inspection.rules import RULES
from weighbridge.inspection.validators import VALIDATORS

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class ScannerRun:
    """One scanner that ran: its name and version, whether it judged every file, and how many it judged."""

    name: str
    version: str
    complete: bool
    files: int = 0


@dataclass(frozen=True, slots=True)
class InspectionReport:
    """The verdict on a folder. `files` is sorted by path; `scanners` is empty when only the own validators ran."""

    files: tuple[FileVerdict, ...]
    scanners: tuple[ScannerRun, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """`blocked` when one file is, or when there is none."""
        return "blocked" if not self.files or any(file.verdict == "blocked" for file in self.files) else "clean"

    def fields(self) -> JsonObject:
        """Return the report as JSON values. Paths that a release may not hold are escaped."""
        return {
            "verdict": self.verdict,
            "scanners": [
                {"name": item.name, "version": item.version, "complete": item.complete, "files": item.files}
                for item in self.scanners
            ],
            "only_own_validators": not self.scanners,
            "validators": dict(VALIDATORS),
            "files": [_file(file) for file in self.files],
        }

    def sarif(self) -> JsonObject:
        """Return the report as a SARIF log with one run."""
        used = sorted({item.rule for file in self.files for item in file.findings})
        rules: list[Json] = [
            {
                "id": rule,
                "shortDescription": {"text": f"This file {RULES[rule].title}."},
                "help": {"text": RULES[rule].remedy},
            }
            for rule in used
        ]
        driver: JsonObject = {"name": "weighbridge inspect", "version": __version__, "rules": rules}
        results: list[Json] = [_result(file, item) for file in self.files for item in file.findings]
        run: JsonObject = {"tool": {"driver": driver}, "results": results, "columnKind": "utf16CodeUnits"}
        return {"$schema": _SARIF, "version": "2.1.0", "runs": [run]}


def _file(file: FileVerdict) -> JsonObject:
    return {
        "path": printable_path(file.path),
        "size": file.size,
        "sha256": None if file.digest is None else file.digest.hex,
        "format": file.format,
        "verdict": file.verdict,
        "findings": [
            {
                "rule": item.rule,
                "severity": item.severity,
                "reason": item.reason,
                "remedy": item.remedy,
                "offset": item.offset,
            }
            for item in file.findings
        ],
    }


def _result(file: FileVerdict, item: Finding) -> JsonObject:
    location: dict[str, Json] = {"artifactLocation": {"uri": _uri(file.path)}}
    if item.offset is not None:
        location["region"] = {"byteOffset": item.offset, "byteLength": 0}
    return {
        "ruleId": item.rule,
        "level": "error" if item.severity == "block" else "note",
        "message": {"text": f"{item.reason}. {item.remedy}"},
        "locations": [{"physicalLocation": location}],
    }


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path.encode("utf-8", "surrogateescape"))
