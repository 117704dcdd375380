"""Typed reads from a parsed record, so that every malformed field gives one line that names it."""

from __future__ import annotations

from collections.abc import Mapping

from weighbridge.canonical import Json
from weighbridge.errors import InputError


def check_keys(document: Mapping[str, Json], *, keys: frozenset[str], schema: str) -> None:
    """Check that `document` holds exactly `keys`, and that its `schema` is `schema`.

    Raises:
        InputError: naming the first key that is missing or unknown.
    """
    if document.get("schema") != schema:
        raise InputError(f"schema: {document.get('schema')!r} is not {schema!r}")
    check_exactly(document, keys=keys)


def check_exactly(document: Mapping[str, Json], *, keys: frozenset[str]) -> None:
    """Check that `document` holds exactly `keys`.

    Raises:
        InputError: naming the first key that is missing or unknown.
    """
    for key in sorted(keys - set(document)):
        raise InputError(f"{key}: missing")
    for key in sorted(set(document) - keys):
        raise InputError(f"{key}: unknown")


def text(document: Mapping[str, Json], key: str, *, limit: int = 1024) -> str:
    """Return a non-empty, printable text of at most `limit` characters."""
    value = document[key]
    if not isinstance(value, str) or not value or len(value) > limit or not value.isprintable():
        raise InputError(f"{key}: must be printable text of 1 to {limit} characters")
    return value


def optional_text(document: Mapping[str, Json], key: str) -> str | None:
    """Return a text, or None for null."""
    return None if document[key] is None else text(document, key)


def positive(document: Mapping[str, Json], key: str) -> int:
    """Return an integer from 1 to 10^15 - 1."""
    value = document[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 10**15:
        raise InputError(f"{key}: must be a whole number from 1")
    return value


def texts(document: Mapping[str, Json], key: str) -> tuple[str, ...]:
    """Return a list of distinct texts."""
    value = document[key]
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise InputError(f"{key}: must be a list of texts")
    found = tuple(str(item) for item in value)
    if len(set(found)) != len(found):
        raise InputError(f"{key}: holds a value twice")
    return found


def mapping(document: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    """Return an object."""
    value = document[key]
    if not isinstance(value, Mapping):
        raise InputError(f"{key}: must be an object")
    return value
