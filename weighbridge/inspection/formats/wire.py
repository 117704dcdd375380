"""The protobuf wire format, read forward and within bounds. Source: protobuf.dev, "Encoding"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.inspection.findings import Fault
from weighbridge.inspection.reader import ForwardReader

FIELD_LIMIT = 1_000_000
DEPTH_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `value` is a varint's value or a fixed field's bytes; `length` that of a length-delimited one, unread."""

    number: int
    wire: int
    value: int
    length: int
    offset: int


class WireReader:
    """Reads the fields of nested messages; counts them, and checks each length against the message around it."""

    def __init__(self, reader: ForwardReader, *, rule: str = "inspect.onnx.structure") -> None:
        self.reader = reader
        self._rule = rule
        self._fields = 0
        self._depth = 0

    def fields(self, length: int) -> Iterator[Field]:
        """Yield the fields of a message of `length` bytes. The taker reads, skips or enters each delimited one.

        Raises:
            Fault: when a field leaves the message, or there are too many fields or levels.
        """
        end = self.reader.position + length
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise Fault(self._rule, f"messages nested deeper than {DEPTH_LIMIT}", offset=self.reader.position)
        while self.reader.position < end:
            yield self._field(end)
            if self.reader.position > end:
                raise Fault(self._rule, "a field leaves its message", offset=end)
        self._depth -= 1

    def text(self, field: Field, *, limit: int) -> str:
        """Return a delimited field as text.

        Raises:
            Fault: when it is too long or not UTF-8.
        """
        try:
            return self.reader.read(field.length, what="text", limit=limit).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Fault(self._rule, "a text that is not UTF-8", offset=field.offset) from error

    def numbers(self, field: Field, *, limit: int) -> list[int]:
        """Return a packed or single varint field as numbers; at most `limit` of them.

        Raises:
            Fault: when there are more.
        """
        if field.wire == 0:
            return [field.value]
        end, found = self.reader.position + field.length, []
        while self.reader.position < end:
            found.append(self.varint())
            if len(found) > limit or self.reader.position > end:
                raise Fault(self._rule, "a list that is too long", offset=field.offset)
        return found

    def varint(self) -> int:
        """Return the next varint, of at most 64 bits."""
        value = self.reader.byte(what="number")
        if value < 0x80:
            return value
        value &= 0x7F
        for shift in range(7, 70, 7):
            byte = self.reader.byte(what="number")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & (2**64 - 1)
        raise Fault(self._rule, "a number longer than ten bytes", offset=self.reader.position)

    def _field(self, end: int) -> Field:
        self._fields += 1
        if self._fields > FIELD_LIMIT:
            raise Fault(self._rule, f"more than {FIELD_LIMIT} fields", offset=self.reader.position)
        offset = self.reader.position
        number, wire = divmod(self.varint(), 8)
        if wire == 0:
            return Field(number=number, wire=wire, value=self.varint(), length=0, offset=offset)
        if wire in (1, 5):
            self.reader.skip(8 if wire == 1 else 4, what="number")
            return Field(number=number, wire=wire, value=0, length=0, offset=offset)
        if wire != 2 or not 0 < number < 2**29:
            raise Fault(self._rule, f"field {number} of wire type {wire}", offset=offset)
        length = self.varint()
        if self.reader.position + length > end:
            raise Fault(self._rule, f"field {number}: {length} bytes leave its message", offset=offset)
        return Field(number=number, wire=wire, value=0, length=length, offset=offset)
