"""ModelAudit (extra `inspect-modelaudit`): a second opinion, large to install. Written against 0.2.54.

Its exit status says 1 of every ordinary model, so that severities decide: `critical` alone is unsafe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.inspection.scanners.batches import Answers, NotAnswerableError, Report, objects, scan_batches
from weighbridge.inspection.scanners.contained import GIB, Ended, Limits, find_program, run_contained
from weighbridge.inspection.scanners.protocol import ScannedFile, ScanResult

_REPORT = "report.json"
_SWITCHES = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1"}


@dataclass(frozen=True, slots=True)
class ModelAuditScanner:
    """Runs `modelaudit scan --strict`. `program` is the executable; None looks beside this interpreter, then on PATH."""

    program: Path | None = None
    limits: Limits = field(default_factory=Limits)
    name: str = "modelaudit"

    def scan(self, folder: Path, paths: Sequence[str]) -> ScanResult:
        """See `Scanner`."""
        program = find_program("modelaudit", path=self.program)
        if program is None:
            fault = "not installed: pip install 'weighbridge[inspect-modelaudit]'"
            return ScanResult(version="unknown", files={}, fault=fault)

        def run(batch: Sequence[str]) -> Ended:
            arguments = ["scan", "--format", "json", "--output", _REPORT, "--strict", "--no-cache", "--quiet",
                         "--timeout", str(self.limits.seconds), "--max-size", f"{self.limits.memory // GIB or 1}GB",
                         *batch]  # fmt: skip
            return run_contained(program, arguments, report=_REPORT, limits=self.limits, switches=_SWITCHES)

        def read(report: Report, batch: Sequence[str]) -> tuple[str, Answers]:
            return _version(program), _answers(report, batch)

        return scan_batches(folder, paths, run=run, read=read, done=frozenset({0, 1}))


def _version(program: str) -> str:
    # Its report does not say: the environment that the program is installed in does.
    found = Path(program).resolve().parent.parent.glob("lib/python*/site-packages/modelaudit-*.dist-info")
    return next((path.name.removeprefix("modelaudit-").removesuffix(".dist-info") for path in found), "unknown")


def _answers(report: Report, paths: Sequence[str]) -> Answers:
    if report.get("success") is not True or report.get("has_errors") is not False:
        raise NotAnswerableError("it says itself that it had errors")
    looked = {str(asset.get("path")) for asset in objects(report.get("assets"))}
    answers = {path: ScannedFile("clean" if path in looked else "skipped", "not among its assets") for path in paths}
    for issue in objects(report.get("issues")):
        if issue.get("severity") != "critical":
            continue
        place = str(issue.get("location"))
        path = next((known for known in paths if re.match(rf"{re.escape(known)}($|[ :!/])", place)), None)
        if path is None:
            raise NotAnswerableError(f"it names {place!a}, which it was not asked about")
        answers[path] = ScannedFile("unsafe", f"{issue.get('rule_code')}: {issue.get('message')}")
    return answers
