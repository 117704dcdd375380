"""JPEG, strictly. Source: ITU-T T.81, annex B."""

from __future__ import annotations

import re
from collections.abc import Iterator

from weighbridge.inspection.findings import Fault, Finding
from weighbridge.inspection.formats.image_png import SIZE_LIMIT, check_sides
from weighbridge.inspection.reader import ForwardReader

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PLAIN = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)}) | _FRAMES
_SCAN, _END = 0xDA, 0xD9
# Within a scan 0xff is followed by 0x00 (a stuffed byte), a restart mark, or another 0xff (filling).
_NEXT_MARK = re.compile(b"\xff[^\x00\xd0-\xd7\xff]")


def validate_jpeg(reader: ForwardReader) -> Iterator[Finding]:
    """Validate the segments of a JPEG: lengths, sides, and nothing behind the end.

    Raises:
        Fault: when it is malformed or out of bounds.
    """
    if reader.size > SIZE_LIMIT:
        raise Fault("inspect.image.limits", f"{reader.size} bytes exceed the limit of {SIZE_LIMIT}")
    data = reader.read(reader.size, what="picture")
    at, framed, scanned = 2, False, False
    while True:
        at = _mark(data, at)
        kind = data[at - 1]
        if kind == _END:
            break
        length = int.from_bytes(data[at : at + 2], "big")
        if (kind not in _PLAIN and kind != _SCAN) or length < 2 or at + length > len(data):
            raise Fault("inspect.image.structure", f"segment 0x{kind:02x} is unknown or too long", offset=at - 2)
        if kind in _FRAMES:
            framed = True
            check_sides(int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 3 : at + 5], "big"))
        at += length
        if kind == _SCAN:
            scanned = True
            following = _NEXT_MARK.search(data, at)
            at = len(data) if following is None else following.start()
    if not (framed and scanned):
        raise Fault("inspect.image.structure", "no picture before its end", offset=at)
    if at < len(data):
        raise Fault("inspect.image.trailing", f"{len(data) - at} bytes follow its end", offset=at)
    yield from ()


def _mark(data: bytes, at: int) -> int:
    if data[at : at + 1] != b"\xff":
        raise Fault("inspect.image.structure", "no marker where one must be", offset=at)
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise Fault("inspect.file.truncated", "it ends before its end marker", offset=at)
    return at + 1
