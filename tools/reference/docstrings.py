"""Docstrings as they are written here: a text, then the sections Args, Returns and Raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SECTION = re.compile(r"^(Args|Returns|Raises|Yields):$")
_ENTRY = re.compile(r"^ {4}(\w[\w.]*): (.*)$")


@dataclass(frozen=True, slots=True)
class Docstring:
    """`text` in paragraphs; what each argument is, what is returned, and what is raised when, each in one line."""

    text: str
    arguments: Mapping[str, str]
    returns: str
    raises: Mapping[str, str]


def read_docstring(text: str) -> Docstring:
    """Cut a docstring into its parts."""
    parts: dict[str, list[str]] = {"": []}
    section = ""
    for line in text.splitlines():
        found = _SECTION.match(line)
        if found is not None:
            section = found[1]
            parts[section] = []
        else:
            parts[section].append(line)
    returns = parts.get("Returns", []) or parts.get("Yields", [])
    return Docstring(
        text="\n".join(parts[""]).strip(),
        arguments=_entries(parts.get("Args", [])),
        returns=" ".join(line.strip() for line in returns).strip(),
        raises=_entries(parts.get("Raises", [])),
    )


def _entries(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    last = ""
    for line in lines:
        entry = _ENTRY.match(line)
        if entry is not None:
            last = entry[1]
            found[last] = entry[2]
        elif line.strip() and last:
            found[last] = f"{found[last]} {line.strip()}"
    return found
