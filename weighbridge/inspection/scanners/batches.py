"""What adapters of scanners share: files by absolute path in batches, and one result of many runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from weighbridge.inspection.scanners.contained import Ended
from weighbridge.inspection.scanners.protocol import ScannedFile, ScanResult

# Linux takes 2 MiB of arguments; a path of a release has at most 1,024 characters.
BATCH = 400

Report = dict[str, object]
Answers = dict[str, ScannedFile]


class NotAnswerableError(Exception):
    """A scanner's report is not what its version writes."""


def scan_batches(
    folder: Path,
    paths: Sequence[str],
    *,
    run: Callable[[Sequence[str]], Ended],
    read: Callable[[Report, Sequence[str]], tuple[str, Answers]],
    done: frozenset[int],
) -> ScanResult:
    """Run a scanner over all files and join what it says; the first run that does not end well is the fault of all.

    Args:
        run: starts the scanner on absolute paths.
        read: turns its report into its version and an answer for each of these paths.
        done: the exit statuses of a run that is complete.
    """
    root, version = folder.resolve(), "unknown"
    answers: Answers = {}
    for batch in _batches([str(root / path) for path in paths]):
        ended = run(batch)
        if ended.fault is not None or ended.status not in done:
            fault = ended.fault or f"it ended with {ended.status}"
            return ScanResult(version=version, files=answers, fault=fault)
        try:
            document = json.loads(ended.report)
            if not isinstance(document, dict):
                raise NotAnswerableError("no object")
            version, found = read(document, batch)
        except (ValueError, RecursionError, NotAnswerableError) as error:
            return ScanResult(version=version, files=answers, fault=f"its report cannot be read: {error}")
        answers |= {path[len(str(root)) + 1 :]: answer for path, answer in found.items()}
    return ScanResult(version=version, files=answers)


def texts(value: object) -> list[str]:
    """Return a list of texts out of a report.

    Raises:
        NotAnswerableError: when it is anything else.
    """
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise NotAnswerableError("not a list of texts")
    return value


def objects(value: object) -> list[Report]:
    """Return a list of objects out of a report.

    Raises:
        NotAnswerableError: when it is anything else.
    """
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise NotAnswerableError("not a list of objects")
    return value


def _batches(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(paths), BATCH):
        yield paths[at : at + BATCH]
