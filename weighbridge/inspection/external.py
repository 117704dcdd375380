"""External tensor data of ONNX: a file without a format of its own passes when a model beside it names it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from weighbridge.inspection.findings import FileVerdict, Finding, shown
from weighbridge.inspection.formats.onnx import ExternalRange, external_ranges
from weighbridge.inspection.reader import ForwardReader

_RAW = frozenset({"unknown"})


def allow_external_data(folder: Path, files: Sequence[FileVerdict]) -> list[FileVerdict]:
    """Return the verdicts, with external data let through, and models blocked whose data is not there or too short."""
    by_path = {file.path: file for file in files}
    for model in files:
        if model.format != "ONNX" or not any(item.rule == "inspect.onnx.external-data" for item in model.findings):
            continue
        faults = [item for item in model.findings if item.severity == "block"]
        if not faults:
            by_path |= _settle(model, by_path, external_ranges(_open(folder, model)))
    return [by_path[file.path] for file in files]


def _settle(
    model: FileVerdict, by_path: Mapping[str, FileVerdict], ranges: Sequence[ExternalRange]
) -> dict[str, FileVerdict]:
    parent = model.path.rpartition("/")[0]
    changed: dict[str, FileVerdict] = {}
    for item in ranges:
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


def _open(folder: Path, model: FileVerdict) -> ForwardReader:
    # Only the names are read again; the model's digest stands already, and a change shows as another size or a fault.
    path = folder / model.path
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    return ForwardReader(os.fdopen(descriptor, "rb"), size=model.size)
