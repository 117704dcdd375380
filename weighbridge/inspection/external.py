"""External tensor data of ONNX: a file without a format of its own passes when a model beside it names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from weighbridge.inspection.findings import FileVerdict, Finding, shown

_RAW = frozenset({"unknown"})


def allow_external_data(files: Sequence[FileVerdict]) -> list[FileVerdict]:
    """Return the verdicts, with external data let through, and models blocked whose data is not there or too short."""
    by_path = {file.path: file for file in files}
    for model in files:
        if model.outside and model.verdict == "clean":
            by_path |= _settle(model, by_path)
    return [by_path[file.path] for file in files]


def _settle(model: FileVerdict, by_path: Mapping[str, FileVerdict]) -> dict[str, FileVerdict]:
    parent = model.path.rpartition("/")[0]
    changed: dict[str, FileVerdict] = {}
    for item in model.outside:
        path = f"{parent}/{item.location}" if parent else item.location
        data = changed.get(path) or by_path.get(path)
        if data is None or item.end > data.size:
            reason = f"{shown(item.location)} is not beside it, or is shorter than {item.end} bytes"
            return {
                model.path: replace(model, findings=(*model.findings, Finding("inspect.onnx.external-data", reason)))
            }
        rules = {finding.rule for finding in data.findings}
        if data.format in _RAW and rules == {"inspect.format.unknown"}:
            changed[path] = replace(data, format="ONNX data", findings=())
    return changed
