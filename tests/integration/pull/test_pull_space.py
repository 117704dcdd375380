"""Where a release can lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.pull import choose_place, space

GIB = 1024**3


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Free bytes by folder name."""
    found: dict[str, int] = {}
    monkeypatch.setattr("shutil.disk_usage", lambda folder: (10**15, 0, found[Path(folder).name]))
    return found


def folders(tmp_path: Path, *names: str) -> list[Path]:
    for name in names:
        (tmp_path / name).mkdir()
    return [tmp_path / name for name in names]


def test_the_first_place_with_room_is_taken(tmp_path: Path, free: dict[str, int]) -> None:
    places = folders(tmp_path, "nvme", "disk")
    free.update(nvme=GIB, disk=100 * GIB)
    assert choose_place(needed=GIB // 2, candidates=places).name == "nvme"
    assert choose_place(needed=2 * GIB, candidates=[tmp_path / "missing", *places]).name == "disk"


def test_no_room_anywhere_is_one_line_with_all_numbers(tmp_path: Path, free: dict[str, int]) -> None:
    places = folders(tmp_path, "nvme", "disk")
    free.update(nvme=1111, disk=2222)
    with pytest.raises(InputError, match=r"1111.*2222") as caught:
        choose_place(needed=3333, candidates=places)
    assert "3333" in str(caught.value)
    assert caught.value.rule == "input.space"


def test_memory_counts_only_as_far_as_there_is_some(
    tmp_path: Path, free: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    places = folders(tmp_path, "tmpfs", "disk")
    free.update(tmpfs=100 * GIB, disk=50 * GIB)
    monkeypatch.setattr(space, "is_memory", lambda folder: folder.name == "tmpfs")
    monkeypatch.setattr(space, "available_memory", lambda: 16 * GIB)
    assert choose_place(needed=13 * GIB, candidates=places).name == "tmpfs"
    assert choose_place(needed=15 * GIB, candidates=places).name == "disk"


def test_the_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "_CGROUP", tmp_path)
    machine = space.available_memory()
    assert machine > GIB // 16
    (tmp_path / "memory.max").write_text("4096000\n")
    (tmp_path / "memory.current").write_text("96000\n")
    assert space.available_memory() == 4_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert space.available_memory() > 4_000_000


@pytest.mark.skipif(not Path("/dev/shm").is_dir() or os.name != "posix", reason="this system has no /dev/shm")
def test_a_tmpfs_is_told_from_a_disk(tmp_path: Path) -> None:
    assert space.is_memory(Path("/dev/shm"))
    assert not space.is_memory(Path("/proc"))
