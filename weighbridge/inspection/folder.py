"""Walk a folder and give each file its verdict, with one read of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from weighbridge.errors import InputError
from weighbridge.inspection.exceptions import PickleException, apply_exception
from weighbridge.inspection.external import allow_external_data
from weighbridge.inspection.findings import Fault, FileVerdict, Finding, verdict_of
from weighbridge.inspection.names import clashes, name_findings
from weighbridge.inspection.reader import ForwardReader
from weighbridge.inspection.report import InspectionReport
from weighbridge.inspection.scanners.protocol import Scanner
from weighbridge.inspection.scanners.second_layer import scan_files
from weighbridge.inspection.validators import validate
from weighbridge.names import Digest

DEPTH_LIMIT = 32
FILE_LIMIT = 20_000
_FINDING_LIMIT = 100
_BUFFER = 256 * 1024

# A blocked file is read on for its digest, unless that takes minutes and nobody can ask for an exception.
_DRAIN_LIMIT = 1024 * 1024 * 1024


def inspect_folder(
    folder: Path,
    *,
    exceptions: Mapping[Digest, PickleException] | None = None,
    scanners: tuple[Scanner, ...] = (),
    now: datetime | None = None,
    progress: Callable[[int], None] | None = None,
) -> InspectionReport:
    """Inspect every file below `folder`. Nobody may write to it meanwhile.

    Args:
        exceptions: from `parse_exceptions`.
        scanners: a second layer; none of them can clear what the own validators blocked.
        now: for the ends of exceptions; the clock's time by default.
        progress: called with the size in bytes of each file that was judged.

    Raises:
        InputError: when `folder` is not a folder or cannot be listed.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder: name the one that holds the model's files", rule="input.folder")
    moment = datetime.now(UTC) if now is None else now
    files: list[FileVerdict] = []
    for file in _walk(folder):
        files.append(apply_exception(file, exceptions or {}, now=moment))
        if progress is not None:
            progress(file.size)
    meeting = clashes(file.path for file in files)
    files = [_with(file, meeting.get(file.path)) for file in files]
    files = allow_external_data(folder, files)
    files.sort(key=lambda file: file.path.encode("utf-8", "surrogateescape"))
    return scan_files(folder, InspectionReport(files=tuple(files)), scanners=scanners)


def inspect_file(path: str, *, folder_fd: int, name: str) -> FileVerdict:
    """Return the verdict on one file, opened as `name` in the folder `folder_fd`, without following a link."""
    named = name_findings(path)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder_fd)
    except OSError as error:
        return _unread(path, named, "inspect.file.unreadable", error.strerror or "not readable")
    with os.fdopen(descriptor, "rb", buffering=_BUFFER) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return _unread(path, named, "inspect.name.not-plain", "neither a folder nor a plain file")
        reader = ForwardReader(file, size=status.st_size)
        return _judge(path, reader, named)


def _judge(path: str, reader: ForwardReader, named: list[Finding]) -> FileVerdict:
    kind, found = "unknown", list(named)
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
    except OSError as error:
        found.append(Finding("inspect.file.unreadable", error.strerror or "not readable", offset=reader.position))
    except Exception as error:
        # Whatever a validator did not foresee is an attack until somebody looks.
        found.append(Finding("inspect.format.crash", f"{type(error).__name__}", offset=reader.position))
    unique = tuple(dict.fromkeys(found))
    return FileVerdict(path=path, size=reader.size, format=kind, findings=unique, digest=digest, chunks=chunks)


def _taken(findings: Iterator[Finding]) -> Iterator[Finding]:
    for number, item in enumerate(findings):
        if number >= _FINDING_LIMIT:
            return
        yield item


def _walk(folder: Path) -> Iterator[FileVerdict]:
    count = 0

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename!a}: cannot be listed: {error.strerror}", rule="input.folder")

    for parent, folders, names, descriptor in os.fwalk(folder, follow_symlinks=False, onerror=fail):
        below = "" if parent == str(folder) else os.path.relpath(parent, folder) + "/"
        folders.sort()
        if below.count("/") >= DEPTH_LIMIT and folders:
            yield from (_too_deep(below + name) for name in folders)
            folders.clear()
        for name in [item for item in folders if _is_link(item, descriptor)]:
            folders.remove(name)
            names.append(name)
        for name in sorted(names):
            count += 1
            if count > FILE_LIMIT:
                yield _unread(below + name, [], "inspect.name.limits", f"more than {FILE_LIMIT} files")
                return
            yield _plain_file(below + name, folder_fd=descriptor, name=name)


def _plain_file(path: str, *, folder_fd: int, name: str) -> FileVerdict:
    mode = os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode
    if not stat.S_ISREG(mode):
        return _unread(path, name_findings(path), "inspect.name.not-plain", "neither a folder nor a plain file")
    return inspect_file(path, folder_fd=folder_fd, name=name)


def _is_link(name: str, folder_fd: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode)


def _too_deep(path: str) -> FileVerdict:
    return _unread(path, [], "inspect.name.limits", f"lies deeper than {DEPTH_LIMIT} folders")


def _unread(path: str, named: list[Finding], rule: str, reason: str) -> FileVerdict:
    return FileVerdict(path=path, size=0, format="unknown", findings=(*named, Finding(rule, reason)))


def _with(file: FileVerdict, finding: Finding | None) -> FileVerdict:
    return file if finding is None else replace(file, findings=(*file.findings, finding))
