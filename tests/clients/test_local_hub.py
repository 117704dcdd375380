"""The local hub names files as git and LFS do, and its commit follows from the content."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import requests
from client_world import MODEL, contents, write_model

from local.hub.process import HubProcess
from local.hub.tree import commit_of, lfs_file, read_tree


def git_id(data: bytes) -> str:
    command = ["git", "hash-object", "--stdin"]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode().strip()


def test_files_are_named_as_git_names_them(model: Path) -> None:
    for file in read_tree(model):
        data = contents(model)[file.path]
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{file.sha256}\nsize {len(data)}\n".encode()
        assert file.oid == git_id(pointer if file.sha256 else data)
        assert (file.sha256 is not None) == file.path.endswith(".safetensors")


def test_the_commit_follows_from_the_content(tmp_path: Path) -> None:
    first, second = read_tree(write_model(tmp_path / "a")), read_tree(write_model(tmp_path / "b"))
    assert re.fullmatch("[0-9a-f]{40}", commit_of(first))
    assert commit_of(first) == commit_of(reversed(second))
    changed = [lfs_file(path=file.path, size=1, sha256="a" * 64) if file.sha256 else file for file in first]
    renamed = [*first[1:], read_tree(write_model(tmp_path / "c"))[1]]
    assert len({commit_of(first), commit_of(changed), commit_of(renamed), commit_of(first, parent="p")}) == 4


def test_a_restarted_hub_serves_the_same_commit(hub: HubProcess, model: Path, tmp_path: Path) -> None:
    with HubProcess(folder=model, repository=MODEL, log=tmp_path / "hub.log") as again:
        assert again.revision == hub.revision
        found = requests.get(f"{again.url}/api/models/{MODEL}/revision/main", timeout=30).json()
        assert found["sha"] == hub.revision
        part = requests.get(
            f"{again.url}/{MODEL}/resolve/{hub.revision}/model.safetensors",
            headers={"Range": "bytes=5-9"},
            timeout=30,
        )
        assert (part.status_code, part.content) == (206, b"\x05\x06\x07\x08\x09")
