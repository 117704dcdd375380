"""Walk a folder and give each file its verdict, with one read of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from weighbridge.errors import InputError
from weighbridge.inspection.exceptions import PickleException, apply_exception
from weighbridge.inspection.findings import FileVerdict, Finding
from weighbridge.inspection.judgement import judge, settle
from weighbridge.inspection.names import name_findings
from weighbridge.inspection.reader import ForwardReader
from weighbridge.inspection.report import InspectionReport
from weighbridge.inspection.scanners.protocol import Scanner
from weighbridge.inspection.scanners.second_layer import scan_files
from weighbridge.names import Digest

DEPTH_LIMIT = 32
FILE_LIMIT = 20_000
_BUFFER = 256 * 1024


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
    return scan_files(folder, settle(files), scanners=scanners)


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
        return judge(path, reader)


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
