"""Bring the answers of scanners into a report: what was not wholly scanned is blocked as incomplete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from weighbridge.inspection.findings import FileVerdict, Finding, shown
from weighbridge.inspection.report import InspectionReport, ScannerRun
from weighbridge.inspection.scanners.protocol import Scanner, ScanResult


def scan_files(folder: Path, report: InspectionReport, *, scanners: tuple[Scanner, ...]) -> InspectionReport:
    """Return `report` with the findings of every scanner added. None takes a finding away."""
    for scanner in scanners:
        paths = [file.path for file in report.files if not _is_out_of_reach(file)]
        try:
            result = scanner.scan(folder, paths)
        except Exception as error:
            result = ScanResult(version="unknown", files={}, fault=f"it ended with {type(error).__name__}")
        files = tuple(file if _is_out_of_reach(file) else _with(file, scanner.name, result) for file in report.files)
        complete = result.fault is None and all(_was_judged(path, result) for path in paths)
        judged = sum(_was_judged(path, result) for path in paths) if result.fault is None else 0
        run = ScannerRun(name=scanner.name, version=result.version, complete=complete, files=judged)
        report = replace(report, files=files, scanners=(*report.scanners, run))
    return report


def _is_out_of_reach(file: FileVerdict) -> bool:
    # A scanner would follow the link; such a file is blocked already.
    return any(item.rule in ("inspect.name.not-plain", "inspect.file.unreadable") for item in file.findings)


def _was_judged(path: str, result: ScanResult) -> bool:
    return path in result.files and result.files[path].answer != "skipped"


def _with(file: FileVerdict, name: str, result: ScanResult) -> FileVerdict:
    answer = result.files.get(file.path)
    if answer is not None and answer.answer == "unsafe":
        finding = Finding("inspect.scanner.finding", f"{name}: {shown(answer.words)}")
    elif result.fault is not None:
        finding = Finding("inspect.scanner.incomplete", f"{name}: {shown(result.fault)}")
    elif answer is None or answer.answer == "skipped":
        words = "it said nothing of this file" if answer is None else answer.words
        finding = Finding("inspect.scanner.incomplete", f"{name}: {shown(words)}")
    else:
        return file
    return replace(file, findings=(*file.findings, finding))
