"""The inspector's statement about a release: which bytes were judged, by which validators, with which result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from weighbridge import __version__, canonical
from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import IntegrityError
from weighbridge.inspection.report import InspectionReport
from weighbridge.inspection.validators import VALIDATORS
from weighbridge.release import Release
from weighbridge.trust.inspected import INSPECTION_TYPE as PREDICATE_TYPE
from weighbridge.trust.inspected import scanned_by
from weighbridge.trust.times import format_time

__all__ = ["PREDICATE_TYPE", "inspection_predicate", "inspector", "is_current"]


def inspection_predicate(report: InspectionReport, release: Release, *, inspected_at: datetime) -> JsonObject:
    """Return the predicate for `release`, to be signed with `weighbridge.trust.sign_statement` by the inspector's key.

    Components of role `code` never reach a serving container and are listed as `not_inspected`. A blocked file whose end
    was not read stands without a digest.

    Raises:
        IntegrityError: when the report is not about exactly the release's other files, byte for byte.
    """
    wanted = {item.path: (item.size, item.digest) for item in release.components if item.role != "code"}
    found = {
        file.path: (file.size, file.digest)
        if file.digest is not None or file.verdict == "clean"
        else wanted.get(file.path)
        for file in report.files
    }
    different = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
    if different:
        raise IntegrityError(
            f"inspection of {release.name}:{release.version}: {different[0]!r} was not inspected as the release has it"
        )
    files: list[Json] = [
        {
            "path": file.path,
            "sha256": None if file.digest is None else file.digest.hex,
            "format": file.format,
            "verdict": file.verdict,
            "rules": sorted({item.rule for item in file.findings}),
        }
        for file in report.files
    ]
    lists: list[Json] = [
        canonical.parse_object(data, what="exceptions")
        for data in dict.fromkeys(file.excepted_by for file in report.files)
        if data
    ]
    return {
        **({"exceptions": lists} if lists else {}),
        "verdict": report.verdict,
        "inspected_at": format_time(inspected_at),
        "inspector": inspector(),
        "scanners": [
            {"name": item.name, "version": item.version, "complete": item.complete, "files": item.files}
            for item in report.scanners
        ],
        "only_own_validators": not report.scanners,
        "files": files,
        "excepted": [
            {"path": file.path, "until": format_time(file.excepted_until)}
            for file in report.files
            if file.excepted_until is not None
        ],
        "not_inspected": [item.path for item in release.components if item.role == "code"],
    }


def is_current(predicate: Mapping[str, Json], *, scanner: str | None = None) -> bool:
    """Tell whether a verified statement says clean, on the word of the validators that run here, and of `scanner` when it is
    named."""
    return (
        predicate.get("verdict") == "clean"
        and predicate.get("inspector") == inspector()
        and (scanner is None or scanned_by(predicate, scanner))
    )


def inspector() -> dict[str, Json]:
    """Return who inspected: the library's version, and that of each validator."""
    return {"version": __version__, "validators": dict(VALIDATORS)}
