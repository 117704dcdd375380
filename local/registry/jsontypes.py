"""The shape of parsed JSON. The registry runs in its own environment and imports nothing of the library."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = dict[str, Json]


def parse_object(data: bytes | str) -> JsonObject:
    """Parse one JSON object.

    Raises:
        ValueError: for anything else.
    """
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def text(value: Json, *, field: str) -> str:
    """Return `value` if it is a string; ValueError naming `field` otherwise."""
    if not isinstance(value, str):
        raise ValueError(f"{field}: a string is needed")
    return value


def texts(value: Json, *, field: str) -> tuple[str, ...]:
    """Return `value` as a tuple if it is a list of strings; ValueError naming `field` otherwise."""
    if not isinstance(value, list):
        raise ValueError(f"{field}: a list of strings is needed")
    return tuple(text(entry, field=field) for entry in value)


def objects(value: Json, *, field: str) -> tuple[JsonObject, ...]:
    """Return `value` as a tuple if it is a list of objects; ValueError naming `field` otherwise."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError(f"{field}: a list of objects is needed")
    return tuple(dict(entry) for entry in value if isinstance(entry, dict))
