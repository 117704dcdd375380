"""What the CLI remembers of a channel between commands, so that a registry put back to an older state is seen."""

from __future__ import annotations

import fcntl
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from weighbridge.errors import InputError
from weighbridge.names import Digest
from weighbridge.settings import ChannelSettings
from weighbridge.trust import ChannelReader, ChannelState, MetadataSource

FOLDER_VARIABLE = "WEIGHBRIDGE_STATE"


class KeepingReader(ChannelReader):
    """A reader whose folder outlives the command; one process at a time works in it."""

    def __init__(self, *, source: MetadataSource, root: Digest, folder: Path) -> None:
        super().__init__(source=source, root=root, folder=folder)
        self._lock = folder / ".lock"

    def refresh(self, name: str) -> ChannelState:
        """See `ChannelReader.refresh`."""
        with _opened(self._lock) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return super().refresh(name)


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        raise InputError(
            f"{FOLDER_VARIABLE}: {path.parent} cannot be written ({error.strerror}): name a folder that you may write, "
            "where what was seen of channels is kept",
            rule="input.file",
        ) from error


def kept_folder(*, channel: ChannelSettings, environ: Mapping[str, str]) -> Path:
    """Return the folder of a channel, by its name and pinned root.

    It lies below WEIGHBRIDGE_STATE, else XDG_STATE_HOME, else ~/.local/state.
    """
    base = environ.get(FOLDER_VARIABLE)
    state = environ.get("XDG_STATE_HOME") or "~/.local/state"
    parent = Path(base).expanduser() if base else Path(state).expanduser() / "weighbridge"
    return parent / "channels" / f"{channel.name}-{channel.root_digest.hex[:16]}"
