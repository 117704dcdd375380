"""Which paths a release may hold: the same rules for whoever writes a manifest and whoever pulls from it.

A path becomes a URL in the registry and a file on a container's disk, so it must mean one thing to both, on every
file system: Unicode NFC, relative, `/`-separated, nothing invisible, nothing that differs by case alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from weighbridge.errors import InputError

PATH_LIMIT = 1024
SEGMENT_LIMIT = 255

_FORBIDDEN = frozenset('\\:|?*"<>;')
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def check_path(path: str) -> str:
    """Return `path` if it may stand in a release.

    Limits are in UTF-8 bytes: 1,024 for the path, 255 for a segment (ext4 and xfs NAME_MAX). Artifactory refuses or
    reinterprets `\\ : | ? * " < > ;` in a path (`;` begins matrix parameters), so they are refused here.

    Raises:
        InputError: rule `input.path`, naming the path and the reason.
    """
    reason = _fault(path)
    if reason is not None:
        raise InputError(f"path {path!r} {reason}", rule="input.path")
    return path


def check_paths(paths: Iterable[str]) -> None:
    """Check each path, and that no two of them meet on a file system that folds case.

    Raises:
        InputError: rule `input.path`, for an illegal path, two equal paths, or a file where another needs a folder.
    """
    files: dict[str, str] = {}
    for path in paths:
        key = _folded(check_path(path))
        if key in files:
            raise InputError(f"path {path!r} and {files[key]!r} are one file when case is folded", rule="input.path")
        files[key] = path
    for key, path in files.items():
        parents = key.split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            clash = files.get("/".join(parents[:depth]))
            if clash is not None:
                raise InputError(f"path {clash!r} is a file, but {path!r} needs it as a folder", rule="input.path")


def _fault(path: str) -> str | None:
    categories = {unicodedata.category(character) for character in path}
    if categories & _INVISIBLE:
        return "holds control or invisible characters"
    if unicodedata.normalize("NFC", path) != path:
        return "is not in Unicode NFC"
    if _FORBIDDEN.intersection(path):
        return 'holds one of \\ : | ? * " < > ;'
    if len(path.encode()) > PATH_LIMIT:
        return f"is longer than {PATH_LIMIT} bytes"
    for segment in path.split("/"):
        if segment in ("", ".", ".."):
            return "is not relative and plain: no empty, '.' or '..' segments"
        if segment != segment.strip():
            return "has a segment that begins or ends with white space"
        if len(segment.encode()) > SEGMENT_LIMIT:
            return f"has a segment longer than {SEGMENT_LIMIT} bytes"
    return None


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path.casefold())
