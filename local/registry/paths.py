"""Paths as the caller wrote them: repository, path inside it and matrix properties."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from starlette.requests import Request

from local.registry.errors import RefusalError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Target:
    """One path of one repository; "" is the repository itself. `matrix` holds the properties of `PUT path;k=v`."""

    repository: str
    path: str
    matrix: dict[str, tuple[str, ...]]


def target_of(request: Request, *, prefix: str) -> Target:
    """Read the raw URL behind `prefix`: `%3B` is part of a name, a bare `;` begins a matrix property.

    Raises:
        RefusalError: 400 for a path with an empty or dot segment, or a control character.
    """
    raw = bytes(request.scope.get("raw_path") or request.url.path.encode()).decode("latin-1")
    return parse_target(raw.removeprefix(prefix))


def parse_target(raw: str) -> Target:
    """Read `REPOSITORY/PATH;k=v` from a URL; see `target_of`."""
    plain, *properties = raw.split(";")
    repository, _, path = unquote(plain).strip("/").partition("/")
    check_path(path)
    matrix: dict[str, tuple[str, ...]] = {}
    for entry in properties:
        name, _, value = entry.partition("=")
        matrix[unquote(name)] = tuple(unquote(part) for part in value.split(","))
    return Target(repository=repository, path=path, matrix=matrix)


def check_path(path: str) -> None:
    """Refuse what is no plain path; "" is fine.

    Raises:
        RefusalError: 400.
    """
    if path and (any(part in ("", ".", "..") for part in path.split("/")) or _CONTROL.search(path)):
        raise RefusalError(400, f"Invalid path '{path}'")


def quoted(path: str) -> str:
    """`path` for a URL."""
    return quote(path, safe="/")
