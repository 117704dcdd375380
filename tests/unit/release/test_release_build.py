"""Releases made from files, and their chunk sidecars."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from weighbridge import canonical
from weighbridge.errors import InputError, IntegrityError, TrustError
from weighbridge.names import Digest
from weighbridge.release import (
    CHUNK_SIZE,
    BuiltRelease,
    Lineage,
    Runtime,
    build_release,
    chunk_count,
    files_in,
    hash_file,
    parse_chunks,
    parse_release,
)

RUNTIME = Runtime(image=f"registry.example/image@sha256:{'0' * 64}", lock=Digest.of(b"lock"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"w" * (CHUNK_SIZE + 5))
    (folder / "exact.bin").write_bytes(b"e" * CHUNK_SIZE)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "sub" / "code.zip").write_bytes(b"PK")
    return folder


def build(folder: Path, **changes: object) -> BuiltRelease:
    arguments = {
        "name": "minilm",
        "version": "1.0.0",
        "files": files_in(folder),
        "runtime": RUNTIME,
        "lineage": Lineage(),
        "roles": {"sub/code.zip": "code"},
    }
    return build_release(**{**arguments, **changes})  # type: ignore[arg-type]


def test_digests_sizes_roles_and_chunks(folder: Path) -> None:
    seen: list[int] = []
    built = build(folder, bom=b'{"bom":1}', progress=seen.append)
    release = built.release
    found = {item.path: (item.size, item.digest.hex, item.role) for item in release.components}
    for path, role in [("empty.txt", "load"), ("exact.bin", "load"), ("sub/code.zip", "code"), ("weights.bin", "load")]:
        data = (folder / path).read_bytes()
        assert found[path] == (len(data), hashlib.sha256(data).hexdigest(), role)
    assert sum(seen) == sum(item.size for item in release.components)
    chunks = parse_chunks(built.sidecars["chunks.json"], release=release)
    assert [len(chunks.files[path]) for path in sorted(chunks.files)] == [0, 1, 1, 2]
    assert chunks.files["weights.bin"][1] == Digest.of(b"w" * 5)
    assert release.bom is not None
    assert Digest.of(built.sidecars["bom.cdx.json"]) == release.bom.digest
    assert parse_release(release.to_bytes(), expected=release.digest) == release


def test_same_files_give_the_same_release(folder: Path) -> None:
    assert build(folder).release.digest == build(folder).release.digest


@pytest.mark.parametrize(
    ("size", "count"),
    [(0, 0), (1, 1), (CHUNK_SIZE - 1, 1), (CHUNK_SIZE, 1), (CHUNK_SIZE + 1, 2), (10 * CHUNK_SIZE, 10)],
)
def test_chunks_tile_exactly(size: int, count: int) -> None:
    assert chunk_count(size) == count


def test_links_are_refused(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "weights.bin")
    with pytest.raises(InputError, match="plain file"):
        files_in(folder)
    (folder / "link").unlink()
    (folder / "link").symlink_to(folder / "sub")
    with pytest.raises(InputError, match="plain file"):
        files_in(folder)


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="holds no file"):
            files_in(folder)


def test_a_role_for_a_missing_file_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"code\.zip"):
        build(folder, roles={"code.zip": "code"})


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.bin"):
        build(folder, files={"gone.bin": folder / "gone.bin"}, roles={})


def test_a_file_that_grows_while_it_is_read_is_refused(folder: Path) -> None:
    target = folder / "exact.bin"

    def grow(_: int) -> None:
        with target.open("ab") as file:
            file.write(b"x")

    with pytest.raises(IntegrityError, match="changed while"):
        hash_file(target, progress=grow)


def test_names_that_cannot_stand_in_a_release_are_refused(folder: Path) -> None:
    (folder / "a;b").write_bytes(b"")
    with pytest.raises(InputError, match="a;b"):
        build(folder)


def test_another_sidecar_is_refused(folder: Path) -> None:
    built = build(folder)
    with pytest.raises(IntegrityError):
        parse_chunks(built.sidecars["chunks.json"].replace(b"weights", b"weighty"), release=built.release)
    with pytest.raises(IntegrityError):
        parse_chunks(built.sidecars["chunks.json"] + b"\n", release=built.release)


@pytest.mark.parametrize(
    "change",
    [
        {"files": {}},
        {"files": []},
        {"chunk_size": 1},
        {"schema": "weighbridge.chunks/v2"},
        {"extra": 1},
        {"files": {"empty.txt": [], "exact.bin": [], "sub/code.zip": ["0" * 64], "weights.bin": ["0" * 64] * 2}},
        {"files": {"empty.txt": ["0" * 64], "exact.bin": ["0" * 64], "sub/code.zip": ["0" * 64], "weights.bin": []}},
        {"files": {"empty.txt": [], "exact.bin": ["x"], "sub/code.zip": ["0" * 64], "weights.bin": ["0" * 64] * 2}},
        {"files": {"empty.txt": [], "exact.bin": "x", "sub/code.zip": ["0" * 64], "weights.bin": ["0" * 64] * 2}},
    ],
    ids=range(9),
)
def test_a_signed_sidecar_that_does_not_tile_is_refused(folder: Path, change: dict[str, object]) -> None:
    built = build(folder)
    document = {**json.loads(built.sidecars["chunks.json"]), **change}
    data = canonical.dump(document)
    manifest = json.loads(built.release.to_bytes())
    manifest["chunks"].update(size=len(data), sha256=Digest.of(data).hex)
    raw = canonical.dump(manifest)
    release = parse_release(raw, expected=Digest.of(raw))
    with pytest.raises(TrustError) as refusal:
        parse_chunks(data, release=release)
    assert refusal.value.rule == "refused.chunks"
