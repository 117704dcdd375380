"""GGUF versions 2 and 3, little-endian, strictly. Source: ggml docs/gguf.md, and gguf.cpp's own checks of offsets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.inspection.characters import unclean
from weighbridge.inspection.findings import Fault, Finding, shown
from weighbridge.inspection.formats.config import inspect_tree
from weighbridge.inspection.formats.gguf_types import BLOCKS, SCALARS, ValueKind
from weighbridge.inspection.formats.json_document import parse_json
from weighbridge.inspection.formats.template import inspect_template, looks_like_template
from weighbridge.inspection.reader import ForwardReader

KEYS_LIMIT = 10_000
TENSORS_LIMIT = 100_000
ELEMENTS_LIMIT = 1_600_000
_KEY_LIMIT = 1024
_STRING_LIMIT = 16 * 1024 * 1024
_NAME_LIMIT = 256
_RANK_LIMIT = 4
_DEPTH_LIMIT = 4


@dataclass(slots=True)
class _Budget:
    elements: int = ELEMENTS_LIMIT


def validate_gguf(reader: ForwardReader) -> Iterator[Finding]:
    """Validate one GGUF file; every text in it that Jinja would see as a template is held to the rules of one.

    Raises:
        Fault: when counts, lengths, types or offsets do not fit the file or each other.
    """
    reader.skip(4, what="magic")
    version = _number(reader, 4)
    if version not in (2, 3):
        raise Fault("inspect.gguf.header", f"version {version}; 2 and 3 are known", offset=4)
    tensors, keys = _number(reader, 8), _number(reader, 8)
    if tensors > TENSORS_LIMIT or keys > KEYS_LIMIT:
        raise Fault("inspect.gguf.header", f"{tensors} tensors and {keys} keys exceed the limits", offset=8)
    if tensors * 24 + keys * 13 > reader.remaining:
        raise Fault("inspect.file.truncated", f"{tensors} tensors and {keys} keys do not fit in the file", offset=8)
    alignment = 32
    seen: set[str] = set()
    budget = _Budget()
    for _ in range(keys):
        key = _key(reader, seen)
        kind = _kind(reader)
        if key == "general.alignment":
            alignment = _alignment(reader, kind)
        elif kind == "string":
            yield from _text(key, _string(reader, limit=_STRING_LIMIT, what=key))
        elif key.startswith("tokenizer.chat_template"):
            yield from _templates(reader, key, kind, budget)
        else:
            _skip(reader, kind, budget, depth=0)
    _tensors(reader, tensors, alignment=alignment)


def _key(reader: ForwardReader, seen: set[str]) -> str:
    offset = reader.position
    key = _string(reader, limit=_KEY_LIMIT, what="key")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise Fault("inspect.gguf.metadata", f"key {shown(key)} is not plain ASCII", offset=offset)
    if key in seen:
        raise Fault("inspect.gguf.metadata", f"key {shown(key)} stands twice", offset=offset)
    seen.add(key)
    return key


def _text(key: str, text: str) -> Iterator[Finding]:
    if key.startswith("tokenizer.chat_template") or (looks_like_template(text) and not key.endswith("json")):
        yield from inspect_template(text, what=key)
    elif key == "tokenizer.huggingface.json":
        yield from inspect_tree(parse_json(text.encode(), what=key), name="tokenizer.json")
    elif not key.startswith("tokenizer."):
        yield from unclean(text, what=key)


def _templates(reader: ForwardReader, key: str, kind: ValueKind, budget: _Budget) -> Iterator[Finding]:
    if kind != "array":
        raise Fault("inspect.gguf.metadata", f"{shown(key)} is neither text nor a list of it", offset=reader.position)
    item, count = _array(reader, budget)
    if item != "string":
        raise Fault("inspect.gguf.metadata", f"{shown(key)} is not a list of text", offset=reader.position)
    for _ in range(count):
        text = _string(reader, limit=_STRING_LIMIT, what=key)
        if key == "tokenizer.chat_templates":
            yield from unclean(text, what=key)
        else:
            yield from inspect_template(text, what=key)


def _alignment(reader: ForwardReader, kind: ValueKind) -> int:
    offset = reader.position
    value = _number(reader, 4) if kind == "uint32" else 0
    if not 8 <= value <= 65_536 or value & (value - 1):
        raise Fault(
            "inspect.gguf.metadata", "general.alignment is not a uint32 power of two from 8 to 65536", offset=offset
        )
    return value


def _skip(reader: ForwardReader, kind: ValueKind, budget: _Budget, *, depth: int) -> None:
    if kind == "string":
        length = _number(reader, 8)
        if length > _STRING_LIMIT:
            raise Fault("inspect.gguf.metadata", f"a text of {length} bytes", offset=reader.position)
        # Pieces of a vocabulary may be halves of a character.
        reader.skip(length, what="text")
    elif kind == "bool":
        if reader.read(1, what="bool") not in (b"\0", b"\1"):
            raise Fault("inspect.gguf.metadata", "a bool that is neither 0 nor 1", offset=reader.position - 1)
    elif kind != "array":
        reader.skip(SCALARS[kind], what="value")
    elif depth >= _DEPTH_LIMIT:
        raise Fault("inspect.gguf.metadata", f"lists nested deeper than {_DEPTH_LIMIT}", offset=reader.position)
    else:
        item, count = _array(reader, budget)
        if item in SCALARS and item != "bool":
            reader.skip(count * SCALARS[item], what="list")
            return
        for _ in range(count):
            _skip(reader, item, budget, depth=depth + 1)


def _array(reader: ForwardReader, budget: _Budget) -> tuple[ValueKind, int]:
    item, offset = _kind(reader), reader.position
    count = _number(reader, 8)
    least = {"string": 8, "array": 12}.get(item) or SCALARS[item]
    if count * least > reader.remaining:
        raise Fault("inspect.file.truncated", f"a list of {count} values does not fit in the file", offset=offset)
    budget.elements -= count
    if budget.elements < 0:
        raise Fault("inspect.gguf.metadata", f"lists of more than {ELEMENTS_LIMIT} values in all", offset=offset)
    return item, count


def _tensors(reader: ForwardReader, count: int, *, alignment: int) -> None:
    names: set[str] = set()
    expected, end = 0, 0
    for _ in range(count):
        at = reader.position
        name = _string(reader, limit=_NAME_LIMIT, what="tensor name")
        if not name or not name.isprintable() or name in names:
            raise Fault("inspect.gguf.tensors", f"tensor name {shown(name)} is not plain, or stands twice", offset=at)
        names.add(name)
        size = _tensor_size(reader, name)
        offset = _number(reader, 8)
        if offset != expected:
            reason = f"{shown(name)} begins at {offset}, not at {expected}: a gap or an overlap"
            raise Fault("inspect.gguf.tensors", reason, offset=reader.position - 8)
        end = offset + size
        expected = -(-end // alignment) * alignment
    start = -(-reader.position // alignment) * alignment
    padding = min(start - reader.position, reader.remaining)
    if reader.read(padding, what="padding").strip(b"\0"):
        raise Fault("inspect.gguf.trailing", "padding that is not zero", offset=reader.position)
    if end > reader.remaining:
        raise Fault(
            "inspect.file.truncated", f"tensors: {end} bytes are claimed, {reader.remaining} are left", offset=start
        )
    if reader.remaining > expected:
        extra = reader.remaining - expected
        raise Fault("inspect.gguf.trailing", f"{extra} bytes follow the last tensor", offset=start + expected)


def _tensor_size(reader: ForwardReader, name: str) -> int:
    offset = reader.position
    rank = _number(reader, 4)
    if rank > _RANK_LIMIT:
        raise Fault(
            "inspect.gguf.tensors", f"{shown(name)} has {rank} dimensions; {_RANK_LIMIT} at most", offset=offset
        )
    sides = [_number(reader, 8) for _ in range(rank)]
    elements = 1
    for side in sides:
        elements *= side
    block = BLOCKS.get(_number(reader, 4))
    if block is None or not 0 <= elements < 2**63:
        raise Fault("inspect.gguf.tensors", f"{shown(name)} is of an unknown type, or too large", offset=offset)
    per_block, size = block
    if (sides[0] if sides else 1) % per_block:
        raise Fault("inspect.gguf.tensors", f"{shown(name)}: a row is not a whole number of blocks", offset=offset)
    return elements // per_block * size


def _kind(reader: ForwardReader) -> ValueKind:
    offset, value = reader.position, _number(reader, 4)
    kinds: tuple[ValueKind, ...] = (
        "uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string", "array", "uint64", "int64",
        "float64",
    )  # fmt: skip
    if value >= len(kinds):
        raise Fault("inspect.gguf.metadata", f"value type {value} is unknown", offset=offset)
    return kinds[value]


def _string(reader: ForwardReader, *, limit: int, what: str) -> str:
    offset, length = reader.position, _number(reader, 8)
    if length > limit:
        reason = f"{shown(what)}: a text of {length} bytes; {limit} at most"
        raise Fault("inspect.gguf.metadata", reason, offset=offset)
    return _utf8(reader.read(length, what=what), offset=offset)


def _utf8(data: bytes, *, offset: int) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Fault("inspect.gguf.metadata", "a text that is not UTF-8", offset=offset) from error


def _number(reader: ForwardReader, width: int) -> int:
    return int.from_bytes(reader.read(width, what="number"), "little")
