"""Safetensors, strictly. Source: safetensors 0.8 README "Format" and `safetensors/src/tensor.rs` (Metadata::validate).

Eight bytes give the length of a JSON header, little-endian; the header may end with spaces; the tensors tile the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.inspection.characters import unclean
from weighbridge.inspection.findings import Fault, Finding, shown
from weighbridge.inspection.formats.json_document import parse_json
from weighbridge.inspection.formats.template import inspect_template, looks_like_template
from weighbridge.inspection.formats.tree import Tree
from weighbridge.inspection.reader import ForwardReader

HEADER_LIMIT = 16 * 1024 * 1024
_RANK_LIMIT = 32
_NAME_LIMIT = 1024

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16,
    "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4,
    "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


def validate_safetensors(reader: ForwardReader) -> Iterator[Finding]:
    """Validate one safetensors file.

    Raises:
        Fault: when the header is malformed or the tensors do not tile the data exactly.
    """
    length = int.from_bytes(reader.read(8, what="header length"), "little")
    if not 2 <= length <= HEADER_LIMIT:
        reason = f"a header of {length} bytes; 2 to {HEADER_LIMIT} are allowed"
        raise Fault("inspect.safetensors.header", reason, offset=0)
    raw = reader.read(length, what="header")
    if not raw.startswith(b"{") or not raw.rstrip(b" ").endswith(b"}"):
        raise Fault("inspect.safetensors.header", "the header is not one object, padded with spaces", offset=8)
    header = parse_json(raw, what="header", limit=2_000_000)
    if not isinstance(header, dict):
        raise Fault("inspect.safetensors.header", "the header is not an object", offset=8)
    yield from _metadata(header.pop("__metadata__", {}))
    ranges = []
    for name, info in header.items():
        if not name or len(name) > _NAME_LIMIT:
            raise Fault("inspect.safetensors.header", f"a tensor name of {len(name)} characters", offset=8)
        yield from unclean(name, what="a tensor name")
        ranges.append((*_tensor(name, info), name))
    _tile(sorted(ranges), available=reader.remaining, base=8 + length)


def _metadata(value: Tree) -> Iterator[Finding]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise Fault("inspect.safetensors.header", "__metadata__ does not map text to text", offset=8)
    for key, text in value.items():
        yield from unclean(key, what="a key of __metadata__")
        yield from unclean(str(text), what=f"__metadata__ {shown(key)}")
        if key.casefold().endswith("template") and looks_like_template(str(text)):
            yield from inspect_template(str(text), what=f"__metadata__ {shown(key)}")


def _tensor(name: str, info: Tree) -> tuple[int, int]:
    if not isinstance(info, dict) or set(info) != {"dtype", "shape", "data_offsets"}:
        raise Fault("inspect.safetensors.header", f"{shown(name)}: not dtype, shape and data_offsets alone", offset=8)
    dtype, shape, offsets = info["dtype"], info["shape"], info["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise Fault("inspect.safetensors.tensors", f"{shown(name)}: unknown dtype {shown(str(dtype))}", offset=8)
    sides = _naturals(shape, name=name, what="shape")
    ends = _naturals(offsets, name=name, what="data_offsets")
    if len(sides) > _RANK_LIMIT or len(ends) != 2 or ends[0] > ends[1]:
        raise Fault("inspect.safetensors.tensors", f"{shown(name)}: offsets or rank out of order", offset=8)
    bits = BITS[dtype]
    for side in sides:
        bits *= side
    if bits % 8 or bits // 8 != ends[1] - ends[0]:
        raise Fault(
            "inspect.safetensors.tensors",
            f"{shown(name)}: {dtype} of its shape needs {bits} bits, its offsets span {ends[1] - ends[0]} bytes",
            offset=8,
        )
    return ends[0], ends[1]


def _naturals(value: Tree, *, name: str, what: str) -> list[int]:
    numbers = [item for item in value if type(item) is int and 0 <= item < 2**63] if isinstance(value, list) else []
    if not isinstance(value, list) or len(numbers) != len(value):
        raise Fault("inspect.safetensors.tensors", f"{shown(name)}: {what} is not a list of natural numbers", offset=8)
    return numbers


def _tile(ranges: list[tuple[int, int, str]], *, available: int, base: int) -> None:
    end = 0
    for start, stop, name in ranges:
        if start != end:
            word = "overlaps the one before" if start < end else "leaves a gap before it"
            raise Fault("inspect.safetensors.tensors", f"{shown(name)}: {word}", offset=base + start)
        end = stop
    if end > available:
        raise Fault("inspect.file.truncated", f"tensors: {end} bytes are claimed, {available} are left", offset=base)
    if end < available:
        raise Fault(
            "inspect.safetensors.trailing", f"{available - end} bytes follow the last tensor", offset=base + end
        )
