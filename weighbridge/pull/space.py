"""Where a release can lie: the space it needs, in numbers, before the first byte is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from weighbridge.errors import InputError

SPARE_BYTES = 64 * 1024 * 1024
_CGROUP = Path("/sys/fs/cgroup")
_PROC = Path("/proc")


def check_space(*, needed: int, destination: Path) -> None:
    """Refuse early when the file system cannot take `needed` more bytes.

    Raises:
        InputError: rule `input.space`, with the numbers.
    """
    free = shutil.disk_usage(destination)[2]
    if needed + SPARE_BYTES > free:
        raise InputError(
            f"{destination}: {needed} bytes are needed and {SPARE_BYTES} must stay free, but only {free} are free: "
            "make room or choose another folder",
            rule="input.space",
        )


def choose_place(*, needed: int, candidates: Sequence[Path], memory_reserve: int = 2 * 1024**3) -> Path:
    """Return the first of `candidates` that can take `needed` bytes: in order of preference, say NVMe, tmpfs, disk.

    A tmpfs counts as far as there is memory: what lies in it is memory, and belongs to the container's limit.

    Args:
        needed: bytes of the release (`Release.load_bytes`).
        candidates: existing folders.
        memory_reserve: bytes of memory that must stay free beside a release in a tmpfs.

    Raises:
        InputError: rule `input.space`, with the numbers of every candidate.
    """
    found = []
    for folder in candidates:
        free = free_bytes(folder, memory_reserve=memory_reserve)
        if free is not None and free >= needed + SPARE_BYTES:
            return folder
        found.append(f"{folder} has {'no such folder' if free is None else free}")
    raise InputError(
        f"{needed} bytes are needed and {SPARE_BYTES} must stay free: {', '.join(found) or 'no folder was named'}",
        rule="input.space",
    )


def free_bytes(folder: Path, *, memory_reserve: int = 0) -> int | None:
    """Return the bytes that can be written to `folder`, for a tmpfs within the memory left; None when it is missing."""
    if not folder.is_dir():
        return None
    free = shutil.disk_usage(folder)[2]
    return min(free, max(0, available_memory() - memory_reserve)) if is_memory(folder) else free


def is_memory(folder: Path) -> bool:
    """Whether `folder` lies in a tmpfs."""
    best, kind = "", ""
    real = str(folder.resolve())
    for line in (_PROC / "mounts").read_text().splitlines():
        _, mount, name, *_ = line.split(" ")
        mount = mount.encode().decode("unicode_escape")
        inside = real == mount or real.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, name
    return kind in ("tmpfs", "ramfs")


def available_memory() -> int:
    """Return the bytes of memory that this process may still use: the machine's, or the container's where less."""
    lines = (_PROC / "meminfo").read_text().splitlines()
    found = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return found
    return found if limit == "max" else min(found, max(0, int(limit) - used))
