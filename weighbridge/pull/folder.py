"""The folder that is pulled into: what may lie there, the drafts beside it, one pull at a time."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weighbridge.errors import InputError
from weighbridge.pull.faults import disk_refused
from weighbridge.release import Component

DRAFTS = ".weighbridge-pull"


@contextmanager
def opened(destination: Path) -> Iterator[Path]:
    """Create the folder and keep other pulls out of it; yields its real path.

    Raises:
        InputError: it cannot be made, or another process is pulling into it.
    """
    try:
        destination.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(destination, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise disk_refused(error, path=destination) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{destination}: another pull is writing here: wait for it, or choose another folder",
                rule="input.destination",
            ) from error
        except OSError:
            # Some network file systems know no locks; drafts are then told apart by O_EXCL alone.
            pass
        yield Path(os.path.realpath(destination))
    finally:
        os.close(descriptor)


class Layout:
    """Where files and drafts of one release lie below `base`, checked against links and clashes once per folder.

    Paths are text here: for thousands of files `pathlib` would cost more than their transfer.
    """

    def __init__(self, base: Path) -> None:
        self._base = str(base)
        self._checked: set[str] = set()
        self._drafts: dict[str, int] = {}

    def target(self, component: Component) -> str:
        """Return the file's path; its folder exists.

        Raises:
            InputError: rule `input.path`, when it would lie outside, or a link or a folder lies there.
        """
        below, _, name = component.path.rpartition("/")
        if below not in self._checked:
            self._make(below, component)
            self._checked.add(below)
        if name in ("", ".", "..", DRAFTS):
            raise InputError(f"{component.path!r} is no path of a file", rule="input.path")
        return f"{self._base}/{component.path}"

    def draft(self, component: Component) -> str:
        """Return the draft's path: named after the content, so that the next pull finds it whatever the file's name."""
        number = self._drafts.get(component.digest.hex, 0)
        self._drafts[component.digest.hex] = number + 1
        return f"{self._base}/{DRAFTS}/{component.digest.hex}.{number}"

    def _make(self, below: str, component: Component) -> None:
        relative = Path(below)
        if relative.is_absolute() or ".." in relative.parts or DRAFTS in relative.parts[:1]:
            raise InputError(f"{component.path!r} does not lie inside {self._base}", rule="input.path")
        parent = self._base / relative
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_refused(error, path=parent) from error
        if Path(os.path.realpath(parent)) != parent:
            raise InputError(f"{component.path!r} does not lie inside {self._base}", rule="input.path")


def exists(target: str) -> bool:
    """Whether a plain file lies at `target`.

    Raises:
        InputError: something else does.
    """
    try:
        mode = os.lstat(target).st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "no plain file"
        raise InputError(f"{target}: is {kind}: remove it and pull again", rule="input.path")
    return True


def remove_drafts(drafts: Path, *, keep: frozenset[str] = frozenset()) -> None:
    """Remove all drafts but those named in `keep`, and the folder when it is empty."""
    if not drafts.is_dir() or drafts.is_symlink():
        return
    kept = False
    for path in drafts.iterdir():
        if path.name in keep:
            kept = True
        else:
            path.unlink(missing_ok=True)
    if not kept:
        drafts.rmdir()
