"""A reader's trusted metadata as plain files, to be kept elsewhere (a bucket) between runs in a fresh folder.

They need no protection of their own: whoever reads them verifies them again. What a reader gains from them is memory:
a registry that was put back to an older state as a whole is seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from weighbridge.errors import InputError

_PATH = re.compile(r"(root_history/[1-9][0-9]{0,8}\.root|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)\.json")


def export_kept(folder: Path) -> dict[str, bytes]:
    """Return the metadata that a `ChannelReader` keeps in `folder`, by relative path; empty for a new folder.

    python-tuf's link `root.json` is left out: it is made anew from `root_history/`.
    """
    found = [path for pattern in ("*.json", "root_history/*.json") for path in folder.glob(pattern)]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(found) if not path.is_symlink()}


def import_kept(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write exported metadata into `folder`, which is made when it is missing.

    Raises:
        InputError: for a path that `export_kept` does not give.
    """
    for name, data in files.items():
        if not _PATH.fullmatch(name) or name == "root.json":
            raise InputError(f"kept metadata: {name!r} is not a path of exported metadata")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
