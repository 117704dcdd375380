"""hayward (extra `inspect`): pickles, PyTorch, GGUF, ONNX, Keras and others by content. Written against 1.4.1.

It reads each file whole: what is larger than the memory that it may have is skipped, and blocked for that.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.inspection.scanners.batches import Answers, NotAnswerableError, Report, objects, scan_batches, texts
from weighbridge.inspection.scanners.contained import MIB, Ended, Limits, find_program, run_contained
from weighbridge.inspection.scanners.protocol import ScannedFile, ScanResult

_UNSAFE = frozenset({"critical", "high", "medium"})
_REPORT = "report.json"
_OWN_MEMORY = 512 * MIB
_MODULE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from hayward.cli import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class HaywardScanner:
    """Runs `hayward scan`. `program` is the executable; None takes the package beside this one, then what is on PATH."""

    program: Path | None = None
    limits: Limits = field(default_factory=Limits)
    name: str = "hayward"

    @property
    def largest(self) -> int:
        """Size in bytes of the largest file that it can read within its memory."""
        return max(self.limits.memory - _OWN_MEMORY, MIB)

    def scan(self, folder: Path, paths: Sequence[str]) -> ScanResult:
        """See `Scanner`."""
        program, before = self._command()
        if program is None:
            return ScanResult(version="unknown", files={}, fault="not installed: pip install 'weighbridge[inspect]'")

        def run(batch: Sequence[str]) -> Ended:
            arguments = [*before, "scan", "--format", "json", "--output", _REPORT, "--quiet", "--fail-on", "medium",
                         "--fail-on-coverage", "--max-size", str(self.largest), *batch]  # fmt: skip
            return run_contained(program, arguments, report=_REPORT, limits=self.limits, switches={})

        return scan_batches(folder, paths, run=run, read=_read, done=frozenset({0, 1}))

    def _command(self) -> tuple[str | None, list[str]]:
        # A layer of Lambda holds the package without its executable.
        package = None if self.program is not None else importlib.util.find_spec("hayward")
        if package is None or package.origin is None:
            return find_program("hayward", path=self.program), []
        place = str(Path(package.origin).parent.parent)
        return sys.executable, ["-I", "-B", "-X", "utf8", "-c", _MODULE, place]


def _read(report: Report, paths: Sequence[str]) -> tuple[str, Answers]:
    version = report.get("version")
    if report.get("tool") != "hayward" or report.get("schema_version") != 1 or not isinstance(version, str):
        raise NotAnswerableError("not a report of hayward, schema 1")
    root = report.get("root")
    answers = {path: ScannedFile("clean") for path in paths}
    for path in texts(report.get("coverage_gaps")):
        answers[_named(path, root, answers)] = ScannedFile("skipped", "not wholly read")
    for finding in objects(report.get("findings")):
        path = _named(str(finding.get("file")), root, answers)
        if finding.get("severity") in _UNSAFE:
            answers[path] = ScannedFile("unsafe", f"{finding.get('rule_id')}: {finding.get('message')}")
    return version, answers


def _named(path: str, root: object, answers: Answers) -> str:
    # Relative to the common folder of several targets, and prefixed with a member's name for files inside archives.
    for place in (path, f"{root}/{path}"):
        for known in answers:
            if place == known or place.startswith((f"{known}:", f"{known}!", f"{known}/")):
                return known
    raise NotAnswerableError(f"it names {path!a}, which it was not asked about")
