"""The private folder that the model server reads: emptied before, complete and read-only after, or gone."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from weighbridge.errors import InputError, IntegrityError

FILE_MODE = 0o440
FOLDER_MODE = 0o550


def empty_folder(folder: Path) -> None:
    """Make `folder` an empty folder that only this user can enter. It may be a mount point, so it is kept itself.

    Raises:
        InputError: rule `input.model-folder`, when it is a link or cannot be emptied.
    """
    try:
        if folder.is_symlink():
            raise InputError(f"{folder}: is a symbolic link", rule="input.model-folder")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        for entry in folder.iterdir():
            _remove(entry)
    except OSError as error:
        raise InputError(f"{folder}: cannot be emptied: {error}", rule="input.model-folder") from error


def check_exact(folder: Path, *, expected: Mapping[str, int]) -> None:
    """Refuse a folder that does not hold exactly the files `expected` (relative path to size in bytes).

    Raises:
        IntegrityError: naming the first file that is missing, extra, of another size, or no plain file.
    """
    found: dict[str, int] = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            continue
        name = path.relative_to(folder).as_posix()
        if not stat.S_ISREG(status.st_mode):
            raise IntegrityError(f"model folder: {name!r} is no plain file")
        found[name] = status.st_size
    for name in sorted(expected.keys() | found.keys()):
        if found.get(name) != expected.get(name):
            raise IntegrityError(
                f"model folder: {name!r} has {found.get(name, 'no')} bytes, the release says {expected.get(name, 'none')}"
            )


def make_read_only(folder: Path, *, group: int | None) -> None:
    """Take all write permission away; `group` may read when the server runs as another user."""
    for path in (*folder.rglob("*"), folder):
        if group is not None:
            os.chown(path, -1, group)
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for folder in (path, *(inner for inner in path.rglob("*") if inner.is_dir() and not inner.is_symlink())):
            folder.chmod(0o700)
        shutil.rmtree(path)
    else:
        path.unlink()
