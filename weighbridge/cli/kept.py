"""Where the CLI keeps a channel's trusted metadata between commands, so that a registry put back to an older state is
seen. One process at a time works in the folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from weighbridge.settings import ChannelSettings

FOLDER_VARIABLE = "WEIGHBRIDGE_STATE"
_locks: dict[Path, int] = {}


def kept_folder(*, channel: ChannelSettings, environ: Mapping[str, str]) -> Path:
    """Return the folder of a channel, by its name and pinned root, locked until this process ends.

    It lies below WEIGHBRIDGE_STATE, else XDG_STATE_HOME, else ~/.local/state.
    """
    base = environ.get(FOLDER_VARIABLE)
    state = environ.get("XDG_STATE_HOME") or "~/.local/state"
    parent = Path(base).expanduser() if base else Path(state).expanduser() / "weighbridge"
    folder = parent / "channels" / f"{channel.name}-{channel.root_digest.hex[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    if folder not in _locks:
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        _locks[folder] = handle
    return folder
