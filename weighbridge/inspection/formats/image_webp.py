"""WebP, strictly. Source: RFC 9649 (the RIFF container, VP8X, VP8L) and RFC 6386 (frame header of VP8)."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.inspection.findings import Fault, Finding, shown
from weighbridge.inspection.formats.image_png import SIZE_LIMIT, check_end, check_sides
from weighbridge.inspection.reader import ForwardReader

_STRUCTURE = "inspect.image.structure"
_CHUNKS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "})
_LIMIT = 10_000


def validate_webp(reader: ForwardReader) -> Iterator[Finding]:
    """Validate the chunks of a WebP: known ones, lengths, sides, and nothing behind the end.

    Raises:
        Fault: when it is malformed or out of bounds.
    """
    if reader.size > SIZE_LIMIT:
        raise Fault("inspect.image.limits", f"{reader.size} bytes exceed the limit of {SIZE_LIMIT}")
    reader.skip(4, what="RIFF")
    end = 8 + int.from_bytes(reader.read(4, what="length"), "little")
    reader.skip(4, what="WEBP")
    seen: list[bytes] = []
    while reader.position < end:
        at = reader.position
        kind, length = reader.read(4, what="chunk"), int.from_bytes(reader.read(4, what="chunk length"), "little")
        if kind not in _CHUNKS or len(seen) >= _LIMIT:
            raise Fault(
                _STRUCTURE, f"chunk {shown(kind.decode('latin-1'))} is not on the list, or one too many", offset=at
            )
        data = reader.read(length, what="chunk")
        if length % 2 and reader.read(1, what="padding") != b"\0":
            raise Fault(_STRUCTURE, "padding that is not zero", offset=reader.position - 1)
        _check(kind, data, at=at)
        seen.append(kind)
    if reader.position != end or seen[:1] not in ([b"VP8X"], [b"VP8 "], [b"VP8L"]):
        raise Fault(_STRUCTURE, "its chunks do not fill it, or the first is no picture", offset=reader.position)
    if not {b"VP8 ", b"VP8L", b"ANMF"} & set(seen):
        raise Fault(_STRUCTURE, "no picture before its end", offset=reader.position)
    check_end(reader)
    yield from ()


def _check(kind: bytes, data: bytes, *, at: int) -> None:
    if kind == b"VP8X":
        if len(data) != 10:
            raise Fault(_STRUCTURE, "VP8X is not 10 bytes long", offset=at)
        check_sides(1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little"))
    elif kind == b"VP8 ":
        if data[3:6] != b"\x9d\x01\x2a" or len(data) < 10:
            raise Fault(_STRUCTURE, "VP8 does not begin with a key frame", offset=at)
        check_sides(int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF)
    elif kind == b"VP8L":
        if data[:1] != b"\x2f" or len(data) < 5:
            raise Fault(_STRUCTURE, "VP8L does not begin with its signature", offset=at)
        bits = int.from_bytes(data[1:5], "little")
        check_sides(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
