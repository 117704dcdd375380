"""GIF, strictly. Source: GIF89a specification (CompuServe, 1990)."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.inspection.findings import Fault, Finding
from weighbridge.inspection.formats.image_png import SIZE_LIMIT, check_end, check_sides
from weighbridge.inspection.reader import ForwardReader

_FRAME_LIMIT = 1000


def validate_gif(reader: ForwardReader) -> Iterator[Finding]:
    """Validate the blocks of a GIF: lengths, sides, number of frames, and nothing behind the end.

    Raises:
        Fault: when it is malformed or out of bounds.
    """
    if reader.size > SIZE_LIMIT:
        raise Fault("inspect.image.limits", f"{reader.size} bytes exceed the limit of {SIZE_LIMIT}")
    screen = reader.read(13, what="screen")
    check_sides(int.from_bytes(screen[6:8], "little"), int.from_bytes(screen[8:10], "little"))
    _skip_table(reader, screen[10])
    frames = 0
    while (mark := reader.read(1, what="block")) != b";":
        if mark == b"!":
            reader.skip(1, what="label")
        elif mark == b",":
            frames += 1
            image = reader.read(9, what="image")
            check_sides(int.from_bytes(image[4:6], "little"), int.from_bytes(image[6:8], "little"))
            _skip_table(reader, image[8])
            reader.skip(1, what="code size")
        else:
            raise Fault("inspect.image.structure", f"unknown block 0x{mark[0]:02x}", offset=reader.position - 1)
        while length := reader.read(1, what="sub-block")[0]:
            reader.skip(length, what="sub-block")
        if frames > _FRAME_LIMIT:
            raise Fault("inspect.image.limits", f"more than {_FRAME_LIMIT} frames", offset=reader.position)
    if not frames:
        raise Fault("inspect.image.structure", "no picture before its end", offset=reader.position)
    check_end(reader)
    yield from ()


def _skip_table(reader: ForwardReader, flags: int) -> None:
    if flags & 0x80:
        reader.skip(3 << ((flags & 7) + 1), what="colour table")
