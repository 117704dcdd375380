"""Files that are made to take long or to need much: small where they can be, each within every limit or just beyond one."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable

MIB = 1024 * 1024


def _safetensors(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _part(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _onnx(graph: bytes, extra: bytes = b"") -> bytes:
    return b"\x08\x0a" + _part(2, b"test") + _part(7, graph) + _part(8, b"\x10\x15") + extra


def _node(operator: bytes) -> bytes:
    return _part(1, _part(1, b"x") + _part(2, b"y") + _part(4, operator))


def _gguf(keys: int, body: bytes, *, tensors: int = 0) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, keys) + body


def _text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def _strings(count: int) -> bytes:
    return _text(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, count) + _text(b"a") * count


def _template(text: str) -> bytes:
    return json.dumps({"chat_template": text}).encode()


BOMBS: dict[str, Callable[[], bytes]] = {
    "header.safetensors": lambda: (2**40).to_bytes(8, "little") + b"{" + b" " * 1000,
    "tensors.safetensors": lambda: _safetensors(
        json.dumps({f"t{i}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for i in range(150_000)}).encode()
    ),
    "metadata.safetensors": lambda: _safetensors(
        json.dumps({"__metadata__": {f"k{i}": "v" for i in range(500_000)}}).encode()
    ),
    "lists.json": lambda: b"[" + b",".join([b"[]"] * 1_000_000) + b"]",
    "numbers.json": lambda: b"[" + b",".join([b"1.5"] * 4_000_000) + b"]",
    "paths.json": lambda: b'{"type":[' + b",".join(b'"a.b%d-"' % i for i in range(2_000_000)) + b"]}",
    "nested.json": lambda: b"[" + b",".join([b'{"a":' * 60 + b"1" + b"}" * 60] * 30_000) + b"]",
    "deep.json": lambda: b"[" * 30_000_000,
    "long.json": lambda: b'{"activation":"' + b"a." * (30 * MIB) + b'"}',
    "templates.json": lambda: b"[" + b",".join(b'"{{x%d}}"' % i for i in range(60_000)) + b"]",
    "sum.json": lambda: _template("{{" + "+".join(["a"] * 60_000) + "}}"),
    "parentheses.json": lambda: _template("{{ " + "(" * 100_000 + " }}"),
    "conditions.json": lambda: _template("{% set a = messages[0].content %}{% if 'x' in a %}b{% endif %}" * 1900),
    "conjunction.json": lambda: _template("{% if " + " and ".join(["a.b == 'c'"] * 900) + " %}x{% endif %}"),
    "lines.jsonl": lambda: b"1\n" * (32 * MIB),
    "nodes.yaml": lambda: b"- a\n" * 99_000,
    "aliases.yaml": lambda: (
        b"a: &a [x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 8)) for c in range(98, 120))
    ),
    "card.md": lambda: b"<a " * 1_300_000,
    "handlers.md": lambda: b"<a" + b" onaaa=" * 590_000,
    "text.txt": lambda: b"a\n" * (24 * MIB),
    "entities.svg": lambda: (
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(98, 110))
        + b"]><svg>&m;</svg>"
    ),
    "depth.svg": lambda: b"<svg>" + b"<g>" * MIB + b"</svg>",
    "filled.jpg": lambda: b"\xff\xd8" + b"\xff" * (30 * MIB),
    "fields.onnx": lambda: _onnx(_node(b"Relu") * 240_000),
    "shape.onnx": lambda: _onnx(_node(b"Relu") + _part(5, b"\x08\x01" * 1_900_000)),
    "functions.onnx": lambda: _onnx(
        _node(b"Relu"),
        b"".join(
            _part(
                25,
                _part(1, b"f%d" % i) + _part(7, _part(4, b"f%d" % (i + 1)) + _part(7, b"local")) + _part(10, b"local"),
            )
            for i in range(30_000)
        ),
    ),
    "count.gguf": lambda: _gguf(2**40, b""),
    "strings.gguf": lambda: _gguf(1, _strings(1_500_000)),
    "names.gguf": lambda: _gguf(
        0, b"".join(_text(b"t%d" % i) + struct.pack("<IQIQ", 1, 0, 0, 0) for i in range(99_000)), tensors=99_000
    ),
}
