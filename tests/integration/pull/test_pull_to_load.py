"""From the last verified byte to the tensors: nobody but the pull's own user can change what the server loads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faulty_server import FaultyServer
from pull_world import PullWorld, make_world
from safetensors import safe_open
from safetensors.numpy import save

from containers.encoder import weights
from weighbridge.serving.folder import make_read_only

SERVER = 10001
NAME = "model.safetensors"
TENSORS = {"pooler.weight": np.arange(200_000, dtype=np.float32), "half": np.ones(7, dtype=np.float16)}


@pytest.fixture
def world(server: FaultyServer, tmp_path: Path) -> PullWorld:
    found = make_world(tmp_path, server, {NAME: save(TENSORS), "1_Pooling/config.json": b"{}"})
    found.pull()
    return found


def test_weights_are_mapped_while_they_are_read_and_not_afterwards(
    world: PullWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.destination / NAME
    mapped: list[bool] = []

    class Watched:
        def __init__(self, *arguments: object, **more: object) -> None:
            self._file = safe_open(*arguments, **more)

        def __enter__(self) -> Watched:
            self._file.__enter__()
            return self

        def __exit__(self, *error: object) -> None:
            self._file.__exit__(*error)

        def keys(self) -> list[str]:
            return list(self._file.keys())

        def get_tensor(self, name: str) -> object:
            mapped.append(is_mapped(path))
            return self._file.get_tensor(name)

    monkeypatch.setattr(weights, "safe_open", Watched)
    found = weights.read_tensors(path)
    assert mapped == [True, True]
    assert not is_mapped(path)
    assert all(np.array_equal(found[name], TENSORS[name]) for name in TENSORS)


def test_what_was_loaded_does_not_change_with_the_file(world: PullWorld) -> None:
    path = world.destination / NAME
    found = weights.read_tensors(path)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert all(np.array_equal(found[name], TENSORS[name]) for name in TENSORS)


def test_a_damaged_header_is_one_clear_line(world: PullWorld) -> None:
    path = world.folder / "other.safetensors"
    path.write_bytes(b"\xff" * 64)
    with pytest.raises(weights.InputError, match=r"other\.safetensors: cannot be read as safetensors"):
        weights.read_tensors(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become the server's user")
def test_the_servers_user_can_read_and_change_nothing_between_verifying_and_loading(world: PullWorld) -> None:
    make_read_only(world.destination, group=SERVER)
    said = as_server(world.destination, attempts())
    assert said.pop("read") == "allowed"
    assert said == dict.fromkeys(said, "refused")
    assert len(said) == 8
    assert world.visible() == world.files


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_without_a_servers_user_nobody_else_can_enter(world: PullWorld) -> None:
    make_read_only(world.destination, group=None)
    assert set(as_server(world.destination, attempts()).values()) == {"refused"}


def attempts() -> dict[str, Callable[[], object]]:
    """What a hostile server might try, in the model's folder."""

    def reopen() -> None:
        descriptor = os.open(NAME, os.O_RDONLY)
        os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR)

    return {
        "read": lambda: os.open(NAME, os.O_RDONLY),
        "write": lambda: os.open(NAME, os.O_RDWR),
        "write through a descriptor": reopen,
        "truncate": lambda: os.truncate(NAME, 0),
        "chmod": lambda: os.chmod(NAME, 0o666),  # noqa: PTH101 - relative to a folder that cannot be reached by its path
        "unlink": lambda: os.unlink(NAME),  # noqa: PTH108
        "rename over": lambda: os.rename("1_Pooling/config.json", NAME),  # noqa: PTH104
        "add a file": lambda: os.open("1_Pooling/more.json", os.O_WRONLY | os.O_CREAT),
        "chmod of the folder": lambda: os.chmod(".", 0o777),  # noqa: PTH101
    }


def as_server(folder: Path, tries: dict[str, Callable[[], object]]) -> dict[str, str]:
    """Try everything in `folder` as the server's user, in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = {}
        try:
            os.chdir(folder)
            os.setgroups([])
            os.setgid(SERVER)
            os.setuid(SERVER)
            for name, attempt in tries.items():
                try:
                    attempt()
                    said[name] = "allowed"
                except PermissionError:
                    said[name] = "refused"
            os.write(writing, json.dumps(said).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return json.loads(told)


def is_mapped(path: Path) -> bool:
    return str(path) in Path("/proc/self/maps").read_text()
