"""RFC 8785 canonical JSON without floats, and a strict parser for what others wrote.

`json.loads` keeps the last of two duplicate keys in silence and accepts NaN; two readers may then see two records in
one signed text. The parser here refuses both, and every float: decimals are strings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import rfc8785

from weighbridge.errors import TrustError

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = dict[str, Json]

DEFAULT_LIMIT = 8 * 1024 * 1024


def dump(value: Json) -> bytes:
    """Return the RFC 8785 bytes of `value`.

    Raises:
        ValueError: for floats, integers of 2^53 and more, and keys that are not strings.
    """
    _refuse_floats(value)
    return bytes(rfc8785.dumps(value))


def parse_object(data: bytes, *, what: str, limit: int = DEFAULT_LIMIT) -> JsonObject:
    """Parse one JSON object strictly.

    Args:
        data: raw bytes, whose digest the caller has already compared.
        what: what this is, for the error line.
        limit: size cap in bytes.

    Raises:
        TrustError: rule `refused.json`, for anything but one well-formed object without duplicate keys, floats and halves of
            surrogate pairs.
    """
    if len(data) > limit:
        raise TrustError(f"{what}: {len(data)} bytes are more than the limit of {limit}", rule="refused.json")
    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float)
        if "\\u" in text:
            # Half of a surrogate pair is an escape that JSON's grammar allows, and text that nobody can write.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise TrustError(f"{what}: not strict JSON: {error}", rule="refused.json") from error
    if not isinstance(value, dict):
        raise TrustError(f"{what}: not a JSON object", rule="refused.json")
    return value


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    found: JsonObject = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"duplicate key {key!r}")
        found[key] = value
    return found


def _no_float(text: str) -> Json:
    raise ValueError(f"{text} is not an integer: decimals are written as strings")


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise ValueError(f"{value!r} is a float: write decimals as strings")
    if isinstance(value, Mapping):
        for key, child in value.items():
            if not isinstance(key, str):
                raise ValueError(f"key {key!r} is not a string")
            _refuse_floats(child)
    elif isinstance(value, list | tuple):
        for child in value:
            _refuse_floats(child)
