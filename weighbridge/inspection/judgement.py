"""The verdict on one file, and what only the whole model shows: names that meet, data that a model beside it reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from weighbridge.errors import WeighbridgeError
from weighbridge.inspection.external import allow_external_data
from weighbridge.inspection.findings import Fault, FileVerdict, Finding, verdict_of
from weighbridge.inspection.names import clashes, name_findings
from weighbridge.inspection.reader import ForwardReader
from weighbridge.inspection.report import InspectionReport
from weighbridge.inspection.validators import validate

_FINDING_LIMIT = 100

# A blocked file is read on for its digest, unless that takes minutes and nobody can ask for an exception.
_DRAIN_LIMIT = 1024 * 1024 * 1024


def judge(path: str, reader: ForwardReader) -> FileVerdict:
    """Return the verdict on the file at `path`, reading it once; whatever goes wrong blocks it."""
    kind, found = "unknown", name_findings(path)
    digest, chunks = None, None
    try:
        try:
            kind, findings = validate(reader, name=path.rpartition("/")[2])
            found += _taken(findings)
        except Fault as fault:
            found.append(fault.finding)
        excepted = any(item.rule == "inspect.format.pickle" for item in found)
        if verdict_of(found) == "clean" or excepted or reader.remaining <= _DRAIN_LIMIT:
            hashed = reader.finish()
            digest, chunks = hashed.digest, hashed.chunks
    except Fault as fault:
        found.append(fault.finding)
    except WeighbridgeError:
        # The registry could not be read: that says nothing of the file.
        raise
    except OSError as error:
        found.append(Finding("inspect.file.unreadable", error.strerror or "not readable", offset=reader.position))
    except Exception as error:
        # Whatever a validator did not foresee is an attack until somebody looks.
        found.append(Finding("inspect.format.crash", f"{type(error).__name__}", offset=reader.position))
    unique = tuple(dict.fromkeys(found))
    return FileVerdict(
        path=path, size=reader.size, format=kind, findings=unique, digest=digest, chunks=chunks,
        outside=tuple(reader.outside),
    )  # fmt: skip


def _taken(findings: Iterator[Finding]) -> Iterator[Finding]:
    for number, item in enumerate(findings):
        if number >= _FINDING_LIMIT:
            return
        yield item


def settle(files: Sequence[FileVerdict]) -> InspectionReport:
    """Return the report on all files of a model, sorted by path."""
    meeting = clashes(file.path for file in files)
    judged = allow_external_data([_with(file, meeting.get(file.path)) for file in files])
    judged.sort(key=lambda file: file.path.encode("utf-8", "surrogateescape"))
    return InspectionReport(files=tuple(judged))


def _with(file: FileVerdict, finding: Finding | None) -> FileVerdict:
    return file if finding is None else replace(file, findings=(*file.findings, finding))
