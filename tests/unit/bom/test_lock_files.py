"""Lock files: read wholly or not at all."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bom.bills import LOCK
from weighbridge.bom import parse_lock
from weighbridge.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
HASH = "--hash=sha256:" + "1" * 64


def test_names_versions_markers_and_all_digests_are_read() -> None:
    numpy, tzdata = parse_lock(LOCK)
    assert (numpy.name, numpy.version, numpy.markers) == ("numpy", "2.0.0", ("python_version >= '3.11'",))
    assert numpy.hashes == ("1" * 64, "2" * 64)
    assert (tzdata.purl, tzdata.markers) == ("pkg:pypi/tzdata@2026.1", ())


@pytest.mark.parametrize("name", ["serve", "hub", "layer", "twin"])
def test_the_locks_of_this_repository_are_read_as_they_are(name: str) -> None:
    text = (ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8")
    found = parse_lock(text.encode())
    pinned = [line for line in text.splitlines() if line and line[0] not in " #"]
    assert len(found) == len({line.split(";")[0].split("[")[0].strip(" \\") for line in pinned})
    assert sum(len(item.hashes) for item in found) == text.count("--hash=sha256:")


@pytest.mark.parametrize(
    ("text", "purl"),
    [
        (f"Foo_Bar[a,b]==1.0 {HASH}", "pkg:pypi/foo-bar@1.0"),
        (f"foo == 1.0+cpu ; sys_platform == 'linux' {HASH}", "pkg:pypi/foo@1.0%2Bcpu"),
        (f"foo==1!2.0 {HASH}  # via bar", "pkg:pypi/foo@1%212.0"),
        (f"# head\n\nfoo==1 \\\n    # why\n    {HASH}\r\n", "pkg:pypi/foo@1"),
    ],
)
def test_spellings(text: str, purl: str) -> None:
    assert [item.purl for item in parse_lock(text.encode())] == [purl]


def test_one_package_locked_twice_is_one_with_both_markers() -> None:
    one, other = f"foo==1 ; a == '1' {HASH}", "foo==1 ; b == '2' --hash=sha256:" + "2" * 64
    (found,) = parse_lock(f"{one}\n{other}\n".encode())
    assert (found.markers, found.hashes) == (("a == '1'", "b == '2'"), ("1" * 64, "2" * 64))
    (found,) = parse_lock(f"{one}\nfoo==1 {HASH}\n".encode())
    assert found.markers == ()


@pytest.mark.parametrize(
    "line",
    [
        "foo==1", f"foo>=1 {HASH}", f"foo {HASH}", f"foo==1.* {HASH}", f"foo @ https://example.com/foo.whl {HASH}",
        "foo==1 --hash=md5:" + "1" * 32, "foo==1 --hash=sha256:" + "1" * 63, f"foo==1 {HASH} --hash=sha512:0", "-r other.txt",
        "--index-url https://example.com/simple", "-e .", "--hash=sha256:" + "1" * 64, f"foo==1 {HASH} --no-binary",
        f"foo==1 \\\n{HASH}", "./foo.whl",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_its_line(line: str) -> None:
    text = f"bar==1 {HASH}\n{line}\n"
    if line == f"foo==1 \\\n{HASH}":
        assert len(parse_lock(text.encode())) == 2
        return
    with pytest.raises(InputError, match="line 2"):
        parse_lock(text.encode())


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"\xff", b"x" * (8 * 1024 * 1024 + 1)], ids=range(4))
def test_no_lock_file_at_all(data: bytes) -> None:
    with pytest.raises(InputError) as refusal:
        parse_lock(data)
    assert refusal.value.rule == "input.lock"


@pytest.mark.timeout(10)
@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="fo=1.;[]#\\\n -'" + "h:", max_size=200).map(str.encode) | st.binary(max_size=200))
def test_anything_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InputError):
        assert parse_lock(data)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [f"{HASH} ", "a", "foo==1;", "\\\n", "[", "# ", "a==1 "])
def test_long_lines_cost_little(piece: str) -> None:
    with pytest.raises(InputError):
        parse_lock(("foo==1 ; " + piece * (1_000_000 // len(piece)) + "!").encode())
