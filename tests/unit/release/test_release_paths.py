"""Which paths a release may hold."""

from __future__ import annotations

import posixpath
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.release import check_path, check_paths

repeatable = settings(deadline=None, derandomize=True, max_examples=60)


@pytest.mark.parametrize(
    "path",
    ["model.safetensors", "a/b/c.json", "1_Pooling/config.json", "tokenizer config.json", "größe.txt", ".hidden"],
)
def test_ordinary_paths_pass(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "./a",
        "a/./b",
        "a//b",
        "a/",
        ".",
        "..",
        "a\\b",
        "c:x",
        "a;p=1",
        "a?b",
        "a*",
        "a\x00b",
        "a\nb",
        "a\x7f",
        "a\u200bb",
        "a\u202eb",
        "a\u2028b",
        "a\ud800b",
        " a",
        "a /b",
        "a\u00a0",
        unicodedata.normalize("NFD", "é"),
        "x" * 256,
        "/".join(["x" * 200] * 6),
    ],
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(InputError) as refusal:
        check_path(path)
    assert refusal.value.rule == "input.path"


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a"],
        ["Model.bin", "model.bin"],
        ["straße", "STRASSE"],
        ["a", "a/b"],
        ["A", "a/b"],
        ["x/y/z", "x/Y"],
        ["a/b/c/d", "a"],
    ],
)
def test_paths_that_meet_are_refused(paths: list[str]) -> None:
    for order in (paths, paths[::-1]):
        with pytest.raises(InputError):
            check_paths(order)


def test_neighbours_pass() -> None:
    check_paths(["a/b", "a/c", "ab", "a.b", "a-b/c"])


@repeatable
@given(st.text(max_size=40))
def test_what_passes_stays_below_its_folder(path: str) -> None:
    try:
        check_path(path)
    except InputError:
        return
    joined = posixpath.normpath(posixpath.join("/private/model", path))
    assert joined == f"/private/model/{path}"
    assert unicodedata.is_normalized("NFC", path)
    assert path.isprintable() or any(unicodedata.category(character) == "Zs" for character in path)


@repeatable
@given(st.lists(st.sampled_from(["a", "A", "b", "a/b", "A/b", "a/b/c", "b/c", "B/d"]), max_size=5))
def test_accepted_paths_can_all_be_written_where_case_is_folded(paths: list[str]) -> None:
    try:
        check_paths(paths)
    except InputError:
        return
    files = {path.casefold() for path in paths}
    folders = {
        "/".join(parts[:depth]) for path in files for parts in [path.split("/")] for depth in range(1, len(parts))
    }
    assert len(files) == len(paths)
    assert not files & folders
