"""Write model files byte by byte, right or wrong as a test wants them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence

F32 = 0


def safetensors(header: object, data: bytes = b"", *, length: int | None = None, pad: bytes = b"") -> bytes:
    raw = (header if isinstance(header, bytes) else json.dumps(header).encode()) + pad
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def tensor(start: int, end: int, *, dtype: str = "F32", shape: Sequence[int] | None = None) -> dict[str, object]:
    sides = [(end - start) // 4] if shape is None else list(shape)
    return {"dtype": dtype, "shape": sides, "data_offsets": [start, end]}


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def string_pair(key: str, value: str) -> bytes:
    return pair(key, 8, text(value))


def gguf_tensor(name: str, sides: Sequence[int], offset: int, *, kind: int = F32) -> bytes:
    return text(name) + struct.pack(f"<I{len(sides)}QIQ", len(sides), *sides, kind, offset)


def gguf(
    pairs: Sequence[bytes] = (),
    tensors: Sequence[bytes] = (),
    data: bytes = b"",
    *,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    alignment: int = 32,
) -> bytes:
    found, keys = counts or (len(tensors), len(pairs))
    head = b"GGUF" + struct.pack("<IQQ", version, found, keys) + b"".join([*pairs, *tensors])
    return head + b"\0" * (-len(head) % alignment) + data


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def part(field: int, data: bytes | str) -> bytes:
    raw = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def node(operator: str, *, domain: str = "", extra: bytes = b"") -> bytes:
    return part(1, part(1, "x") + part(2, "y") + part(4, operator) + (part(7, domain) if domain else b"") + extra)


def weights(*, raw: bytes = b"\0" * 8, shape: Sequence[int] = (2,), kind: int = 1, extra: bytes = b"") -> bytes:
    dims = b"".join(number(1, side) for side in shape)
    return part(5, dims + number(2, kind) + part(8, "w") + (part(9, raw) if raw else b"") + extra)


def external(**entries: str) -> bytes:
    found = b"".join(part(13, part(1, key) + part(2, value)) for key, value in entries.items())
    return weights(raw=b"", extra=found + number(14, 1))


def onnx(graph: bytes = b"", *, extra: bytes = b"", opset: bytes | None = None) -> bytes:
    known = part(8, number(2, 21)) if opset is None else opset
    return number(1, 10) + part(2, "test") + part(7, (graph or node("Relu")) + part(2, "g")) + known + extra


def function(name: str, *, domain: str = "local", body: bytes = b"") -> bytes:
    # FunctionProto keeps its nodes in field 7, GraphProto in field 1.
    return part(25, part(1, name) + body + part(10, domain))


def function_node(operator: str, domain: str = "") -> bytes:
    return part(7, part(4, operator) + (part(7, domain) if domain else b""))


def png_chunk(kind: bytes, data: bytes = b"", *, crc: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png(*, width: int = 1, height: int = 1, extra: bytes = b"", tail: bytes = b"", end: bool = True) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + header + extra + body + (png_chunk(b"IEND") if end else b"") + tail


def gif(*, frames: int = 1, width: int = 1, tail: bytes = b"", end: bool = True) -> bytes:
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00"
    screen = b"GIF89a" + struct.pack("<HHBBB", width, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return screen + frame * frames + (b";" if end else b"") + tail


def jpeg(*, width: int = 1, tail: bytes = b"", end: bool = True, extra: bytes = b"") -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHBBBB", 11, 8, 1, width, 1, 1, 0x11, 0)
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 0, 63, 0) + b"\x12\xff\x00\x34"
    return b"\xff\xd8" + extra + frame + scan + (b"\xff\xd9" if end else b"") + tail


def svg(body: str = '<path d="M0 0"/>', *, attributes: str = "", before: str = "") -> bytes:
    return f'{before}<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{body}</svg>'.encode()


# Written by libwebp: lossy, lossless, with an alpha channel.
WEBP_LOSSY = bytes.fromhex(
    "5249464632000000574542505650382026000000d002009d012a14001e003e6d349647a4232221280800800d896900003da3a000fefb78c00000"
)
WEBP_LOSSLESS = bytes.fromhex("5249464620000000574542505650384c140000002f13400700075081540820000a9afec78888fe07")
WEBP_ALPHA = bytes.fromhex(
    "524946465600000057454250565038580a000000100000001300001d0000414c50480a0000000107d08488084444ff035650382026000000d002009d012a14001e003e6d349647a4232221280800800d896900003da3a000fefb78c00000"
)


def piece(text: str, *, extra: bytes = b"") -> bytes:
    return part(1, part(1, text) + b"\x15\0\0\0\0" + number(3, 2) + extra)


def sentencepiece(
    *, pieces: bytes | None = None, trainer: bytes = b"", normalizer: bytes = b"", extra: bytes = b""
) -> bytes:
    """As the trainer writes it: pieces, its settings, the normalizer with its compiled map of characters."""
    found = piece("<unk>") + piece("\u2581the") if pieces is None else pieces
    settings = part(1, "corpus.txt") + part(2, "prefix") + number(4, 8000) + part(36, "\u200b\u4e00") + trainer
    return found + part(2, settings) + part(3, part(1, "nmt_nfkc") + part(2, bytes(range(256))) + normalizer) + extra
