"""Read a lock file as `pip install --require-hashes` reads it: every dependency, with the digests of what may be installed.

Source: pip's requirements file format, hash-checking mode (`NAME==VERSION ; MARKER --hash=sha256:HEX ...`), which `uv pip
compile --generate-hashes` and `pip-compile` write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.errors import InputError

LOCK_LIMIT = 8 * 1024 * 1024
MOST_DEPENDENCIES = 10_000

_PINNED = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*) ?(?:\[[A-Za-z0-9._, -]*\])? ?== ?(?P<version>[A-Za-z0-9.+!_-]+)"
    r"(?: ?; ?(?P<marker>[^\\#;]+))?",
    re.ASCII,
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class LockedDependency:
    """One package at one version. `hashes` are the SHA-256 (hex, sorted) of the archives of which one may be installed;
    `markers` say where it is installed, empty: everywhere."""

    name: str
    version: str
    hashes: tuple[str, ...]
    markers: tuple[str, ...] = ()

    @property
    def purl(self) -> str:
        """The package URL (package-url's type `pypi`)."""
        return f"pkg:pypi/{self.name}@{self.version.replace('+', '%2B').replace('!', '%21')}"


def parse_lock(data: bytes) -> tuple[LockedDependency, ...]:
    """Return the dependencies that a lock file names, sorted by package URL.

    Raises:
        InputError: rule `input.lock`, naming the line: not UTF-8, no pinned version, no SHA-256, an option (another index, an
            included file), or nothing at all.
    """
    if len(data) > LOCK_LIMIT:
        raise InputError(f"lock file: {len(data)} bytes are more than the limit of {LOCK_LIMIT}", rule="input.lock")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"lock file: is not UTF-8: {error}", rule="input.lock") from error
    found: dict[str, LockedDependency] = {}
    for number, line in _lines(text):
        item = _dependency(number, line)
        known = found.get(item.purl)
        found[item.purl] = item if known is None else _both(known, item)
    if not found:
        raise InputError("lock file: names no dependency", rule="input.lock")
    if len(found) > MOST_DEPENDENCIES:
        raise InputError(f"lock file: names more than {MOST_DEPENDENCIES} dependencies", rule="input.lock")
    return tuple(found[purl] for purl in sorted(found))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield every line that says something, put together where it goes on, with the number that it begins at."""
    begun, parts = 0, list[str]()
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        plain = line.strip()
        if plain.startswith("#"):
            continue
        begun = begun if parts else number
        parts.append(plain.removesuffix("\\").strip())
        if plain.endswith("\\"):
            continue
        whole = re.split(r"\s#", " ".join(part for part in parts if part), maxsplit=1)[0].strip()
        if whole:
            yield begun, whole
        parts = []


def _dependency(number: int, line: str) -> LockedDependency:
    words = line.split()
    count = next((at for at, word in enumerate(words) if word.startswith("--hash")), len(words))
    match = _PINNED.fullmatch(" ".join(words[:count]))
    hashes = [_HASH.fullmatch(word) for word in words[count:]]
    if match is None or not hashes or None in hashes:
        raise InputError(
            f"lock file: line {number} is not NAME==VERSION with --hash=sha256:...: lock with hashes, for example with "
            "`uv pip compile --generate-hashes`",
            rule="input.lock",
        )
    return LockedDependency(
        name=re.sub(r"[-_.]+", "-", match["name"]).lower(),
        version=match["version"],
        hashes=tuple(sorted({found[1] for found in hashes if found is not None})),
        markers=() if match["marker"] is None else (match["marker"],),
    )


def _both(one: LockedDependency, other: LockedDependency) -> LockedDependency:
    everywhere = not one.markers or not other.markers
    return LockedDependency(
        name=one.name,
        version=one.version,
        hashes=tuple(sorted({*one.hashes, *other.hashes})),
        markers=() if everywhere else tuple(sorted({*one.markers, *other.markers})),
    )
