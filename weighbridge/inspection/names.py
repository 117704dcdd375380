"""Names of files: what a release may hold, and what looks like something else."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from weighbridge.errors import InputError
from weighbridge.inspection.findings import Finding, shown
from weighbridge.release import check_path

# Letters of other scripts that are drawn like Latin ones (Unicode confusables, the common part).
_LIKE_LATIN = frozenset("аеорсухіјѕһԁԛԝвнкмтАВЕКМНОРСТУХЅІЈαοινκρτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧօսոհցԼꓐꓑ")
_SCRIPTS = (
    "LATIN",
    "CYRILLIC",
    "GREEK",
    "ARMENIAN",
    "CHEROKEE",
    "COPTIC",
    "LISU",
    "GEORGIAN",
    "DESERET",
    "HEBREW",
    "ARABIC",
)
_DRAWN_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "5": "s"})


def name_findings(path: str) -> list[Finding]:
    """Return what is wrong with one path."""
    try:
        check_path(path)
    except InputError as error:
        return [Finding("inspect.name.path", ascii(str(error))[1:-1])]
    found = []
    if unicodedata.normalize("NFKC", path) != path:
        found.append(Finding("inspect.name.look-alike", f"{shown(path)} holds letters in a compatibility form"))
    for word in re.split("[\\W_\\d]+", path):
        scripts = {_script(letter) for letter in word} - {None}
        if len(scripts) > 1:
            found.append(
                Finding("inspect.name.look-alike", f"{shown(word)} mixes {' and '.join(sorted(map(str, scripts)))}")
            )
        elif scripts and scripts != {"LATIN"} and set(word) <= _LIKE_LATIN:
            found.append(Finding("inspect.name.look-alike", f"{shown(word)} is drawn like Latin letters"))
    return found


def clashes(paths: Iterable[str]) -> Mapping[str, Finding]:
    """Return, by path, what meets another path when case is folded, or is drawn like one in the same folder."""
    found: dict[str, Finding] = {}
    folded: dict[str, str] = {}
    drawn: dict[str, str] = {}
    for path in sorted(paths):
        key = unicodedata.normalize("NFC", path.casefold())
        if key in folded:
            found[path] = Finding(
                "inspect.name.collision", f"it and {shown(folded[key])} are one file when case is folded"
            )
        else:
            other = drawn.setdefault(_skeleton(key), path)
            if other != path:
                found[path] = Finding("inspect.name.look-alike", f"it is drawn like {shown(other)}")
        folded.setdefault(key, path)
    return found


def printable_path(path: str) -> str:
    """Return `path` as it may stand in a log line: unchanged when a release may hold it, else escaped."""
    try:
        return check_path(path)
    except InputError:
        return path.encode("unicode_escape").decode("ascii")


def _script(letter: str) -> str | None:
    name = unicodedata.name(letter, "")
    return next((script for script in _SCRIPTS if name.startswith(script)), None)


def _skeleton(path: str) -> str:
    # Numbers of shards differ in digits alone, and each digit keeps a form of its own.
    return path.translate(_DRAWN_ALIKE).replace("rn", "m").replace("vv", "w")
