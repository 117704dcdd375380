"""ONNX, strictly: every message is walked by its schema, and no field that the schema lacks is passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from weighbridge.inspection.characters import unclean
from weighbridge.inspection.findings import ExternalRange, Fault, Finding, shown
from weighbridge.inspection.formats.onnx_schema import (
    BITS,
    BYTES,
    MESSAGES,
    NUMBER,
    SHAPE_LIMIT,
    STRINGS,
    TEXT,
    TEXT_LIMIT,
)
from weighbridge.inspection.formats.wire import Field, WireReader
from weighbridge.inspection.reader import ForwardReader

# "com.microsoft" is built into onnxruntime; "ai.onnx.contrib" (its PyOp runs Python) and all others load a library.
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"})
_STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_FORBIDDEN = frozenset({"PyOp", "PythonOp", "ATen", "PyCustomOp", "TorchScript", "Gradient", "EPContext"})
_LOCATION = re.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_STRUCTURE = "inspect.onnx.structure"


@dataclass(slots=True)
class _Walk:
    wire: WireReader
    findings: list[Finding] = field(default_factory=list)
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    functions: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=dict)
    graphs: int = 0
    opsets: int = 0


def validate_onnx(reader: ForwardReader) -> Iterator[Finding]:
    """Validate one ONNX model.

    Raises:
        Fault: when it is not well-formed.
    """
    walk = _walk(reader)
    yield from walk.findings
    for (domain, operator), offset in walk.used.items():
        defined = (domain, operator) in walk.functions
        if operator in _FORBIDDEN or (domain not in DOMAINS and not defined):
            name = shown(f"{domain}::{operator}")
            yield Finding("inspect.onnx.operator", f"operator {name} is not built in", offset=offset)
    yield from _functions(walk.functions)
    for location in sorted({item.location for item in reader.outside}):
        yield Finding("inspect.onnx.external-data", f"weights lie in {shown(location)}", severity="note")


def _walk(reader: ForwardReader) -> _Walk:
    walk = _Walk(wire=WireReader(reader))
    _message(walk, "Model", reader.size, operators=set())
    if walk.graphs != 1 or not walk.opsets:
        raise Fault(_STRUCTURE, "not one graph with its operator sets", offset=0)
    return walk


def _message(walk: _Walk, kind: str, length: int, *, operators: set[tuple[str, str]]) -> dict[int, list[str]]:
    """Walk one message and return its texts by field; `operators` gathers what the function around it uses."""
    schema = MESSAGES[kind]
    texts: dict[int, list[str]] = {}
    offset = walk.wire.reader.position
    inside = set() if kind == "Function" else operators
    for item in walk.wire.fields(length):
        holds = schema.get(item.number)
        if holds is None:
            raise Fault(_STRUCTURE, f"field {item.number} of {kind} is unknown", offset=item.offset)
        if (holds == NUMBER) == (item.wire == 2) and not (holds == NUMBER and item.wire == 2):
            raise Fault(_STRUCTURE, f"field {item.number} of {kind} has wire type {item.wire}", offset=item.offset)
        if holds == TEXT:
            texts.setdefault(item.number, []).append(_checked(walk, item))
        elif holds in (NUMBER, BYTES):
            walk.wire.reader.skip(item.length, what="data")
        elif holds == "Tensor":
            _tensor(walk, item)
        else:
            _count(walk, kind, holds, item)
            _message(walk, holds, item.length, operators=inside)
    _settle(walk, kind, texts, operators=operators, inside=inside, offset=offset)
    return texts


def _count(walk: _Walk, kind: str, holds: str, item: Field) -> None:
    if kind == "Model":
        walk.graphs += holds == "Graph"
        walk.opsets += holds == "Opset"
    if holds == "Training":
        walk.findings.append(Finding("inspect.onnx.training", "training_info", offset=item.offset))


def _settle(
    walk: _Walk,
    kind: str,
    texts: dict[int, list[str]],
    *,
    operators: set[tuple[str, str]],
    inside: set[tuple[str, str]],
    offset: int,
) -> None:
    if kind == "Node":
        operator = (_last(texts, 7), _last(texts, 4))
        walk.used.setdefault(operator, offset)
        operators.add(operator)
    elif kind == "Function":
        function = (_last(texts, 10), _last(texts, 1))
        if function in walk.functions:
            walk.findings.append(Finding("inspect.onnx.function", f"{shown(function[1])} stands twice", offset=offset))
        walk.functions[function] = inside


def _functions(functions: dict[tuple[str, str], set[tuple[str, str]]]) -> Iterator[Finding]:
    for domain, name in functions:
        if domain in DOMAINS:
            yield Finding(
                "inspect.onnx.function", f"{shown(f'{domain}::{name}')} takes the place of a built-in operator"
            )
    try:
        TopologicalSorter({name: uses & functions.keys() for name, uses in functions.items()}).prepare()
    except CycleError as error:
        yield Finding("inspect.onnx.function", f"{shown(min(error.args[1])[1])} calls itself")


def _checked(walk: _Walk, item: Field) -> str:
    text = walk.wire.text(item, limit=TEXT_LIMIT)
    walk.findings.extend(unclean(text, what="a text") if len(walk.findings) < 100 else ())
    return text


def _tensor(walk: _Walk, around: Field) -> None:
    offset, reader = walk.wire.reader.position, walk.wire.reader
    shape: list[int] = []
    kind, raw, outside = 0, None, False
    entries: dict[str, str] = {}
    for item in walk.wire.fields(around.length):
        holds = MESSAGES["Tensor"].get(item.number)
        if holds is None or (holds != NUMBER and item.wire != 2):
            raise Fault(_STRUCTURE, f"field {item.number} of Tensor is unknown", offset=item.offset)
        if item.number == 1:
            shape += walk.wire.numbers(item, limit=SHAPE_LIMIT)
            if len(shape) > SHAPE_LIMIT:
                raise Fault(_STRUCTURE, f"a tensor of more than {SHAPE_LIMIT} sides", offset=item.offset)
        elif item.number in (2, 14) and item.wire == 0:
            kind, outside = (item.value, outside) if item.number == 2 else (kind, item.value == 1)
        elif item.number == 9:
            raw = item.length
            reader.skip(item.length, what="tensor")
        elif item.number == 13:
            entry = _message(walk, "Entry", item.length, operators=set())
            key = _last(entry, 1)
            if key in entries:
                raise Fault(_STRUCTURE, f"external_data names {shown(key)} twice", offset=item.offset)
            entries[key] = _last(entry, 2)
        elif holds == TEXT:
            _checked(walk, item)
        elif holds in (NUMBER, BYTES):
            reader.skip(item.length, what="tensor")
        else:
            _message(walk, str(holds), item.length, operators=set())
    size = _tensor_size(shape, kind, offset=offset)
    if raw is not None and (kind == STRINGS or raw != size):
        raise Fault(_STRUCTURE, f"a tensor of {size} bytes holds {raw}", offset=offset)
    if outside or entries:
        _external(walk, entries, size=size, offset=offset)


def _tensor_size(shape: list[int], kind: int, *, offset: int) -> int:
    if (kind not in BITS and kind != STRINGS) or len(shape) > SHAPE_LIMIT:
        raise Fault(_STRUCTURE, f"a tensor of data type {kind}", offset=offset)
    elements = 1
    for side in shape:
        elements *= side
    if not 0 <= elements < 2**60 or any(side >= 2**63 for side in shape):
        raise Fault(_STRUCTURE, "a tensor with a shape that is negative or too large", offset=offset)
    return -(-elements * BITS.get(kind, 0) // 8)


def _external(walk: _Walk, entries: dict[str, str], *, size: int, offset: int) -> None:
    location = entries.get("location", "")
    start, length = entries.get("offset", "0"), entries.get("length", str(size))
    plain = _LOCATION.fullmatch(location) and all(re.fullmatch("[0-9]{1,18}", text) for text in (start, length))
    if not plain or set(entries) - {"location", "offset", "length", "checksum"} or int(length) != size:
        reason = f"weights lie in {shown(location)}, or their range does not fit"
        walk.findings.append(Finding("inspect.onnx.external-data", reason, offset=offset))
    else:
        walk.wire.reader.outside.append(ExternalRange(location=location, end=int(start) + int(length)))


def _last(texts: dict[int, list[str]], number: int) -> str:
    return texts.get(number, [""])[-1]
