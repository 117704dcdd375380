"""PNG, strictly. Source: W3C PNG (third edition), chapters 5 and 11."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from weighbridge.inspection.findings import Fault, Finding, shown
from weighbridge.inspection.reader import ForwardReader

SIDE_LIMIT = 16_384
AREA_LIMIT = 100_000_000
SIZE_LIMIT = 32 * 1024 * 1024
_TEXT_LIMIT = 1024 * 1024
_CHUNKS_LIMIT = 100_000
_CHUNKS = frozenset(
    {b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"tEXt",
     b"zTXt", b"iTXt", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"eXIf", b"tIME", b"acTL", b"fcTL", b"fdAT", b"oFFs"}
)  # fmt: skip


def validate_png(reader: ForwardReader) -> Iterator[Finding]:
    """Validate the chunks of a PNG: order, lengths, checksums, sides, and nothing behind the end.

    Raises:
        Fault: when it is malformed or out of bounds.
    """
    if reader.size > SIZE_LIMIT:
        raise Fault("inspect.image.limits", f"{reader.size} bytes exceed the limit of {SIZE_LIMIT}")
    reader.skip(8, what="signature")
    kind, body = _chunk(reader)
    if kind != b"IHDR" or len(body) != 13:
        raise Fault("inspect.image.structure", "the first chunk is not IHDR", offset=8)
    check_sides(int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big"))
    if body[10] or body[11] or body[12] > 1:
        raise Fault("inspect.image.structure", "unknown compression, filter or interlace", offset=24)
    seen, chunks = False, 0
    while kind != b"IEND":
        offset = reader.position
        kind, body = _chunk(reader)
        seen, chunks = seen or kind == b"IDAT", chunks + 1
        if chunks > _CHUNKS_LIMIT:
            raise Fault("inspect.image.limits", f"more than {_CHUNKS_LIMIT} chunks", offset=offset)
        if kind not in _CHUNKS:
            raise Fault(
                "inspect.image.structure", f"chunk {shown(kind.decode('latin-1'))} is not on the list", offset=offset
            )
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf") and len(body) > _TEXT_LIMIT:
            raise Fault("inspect.image.limits", f"{len(body)} bytes of text in the picture", offset=offset)
    if not seen or body:
        raise Fault("inspect.image.structure", "no picture before its end", offset=reader.position)
    check_end(reader)
    yield from ()


def check_sides(width: int, height: int) -> None:
    """Refuse pictures that are empty or that need too much memory.

    Raises:
        Fault: `inspect.image.limits`.
    """
    if not (0 < width <= SIDE_LIMIT and 0 < height <= SIDE_LIMIT and width * height <= AREA_LIMIT):
        raise Fault("inspect.image.limits", f"{width} x {height} pixels", offset=0)


def check_end(reader: ForwardReader) -> None:
    """Refuse bytes behind a picture: they may be another file.

    Raises:
        Fault: `inspect.image.trailing`.
    """
    if reader.remaining:
        raise Fault("inspect.image.trailing", f"{reader.remaining} bytes follow its end", offset=reader.position)


def _chunk(reader: ForwardReader) -> tuple[bytes, bytes]:
    length = int.from_bytes(reader.read(4, what="chunk length"), "big")
    data = reader.read(length + 4, what="chunk")
    if zlib.crc32(data) != int.from_bytes(reader.read(4, what="checksum"), "big"):
        raise Fault("inspect.image.structure", "a chunk does not match its checksum", offset=reader.position)
    return data[:4], data[4:]
