"""SentencePiece's tokenizer models, strictly. Source: google/sentencepiece, src/sentencepiece_model.proto."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.inspection.characters import unclean
from weighbridge.inspection.findings import Fault, Finding
from weighbridge.inspection.formats.wire import Field, WireReader
from weighbridge.inspection.reader import ForwardReader

SIZE_LIMIT = 64 * 1024 * 1024
_RULE = "inspect.sentencepiece.structure"
_TEXT_LIMIT = 64 * 1024
_PIECE, _TRAINER, _NORMALIZER, _SELF_TEST, _DENORMALIZER = 1, 2, 3, 4, 5
# By message: fields that hold text, and others by their wire type; extensions (200 and up) hold whatever somebody likes.
_TEXTS = {
    _TRAINER: {1, 2, 5, 7, 30, 31, 36, 44, 45, 46, 47, 48, 53, 54},
    _NORMALIZER: {1, 6},
    _DENORMALIZER: {1, 6},
}
_CHARACTER_MAP = 2


def validate_sentencepiece(reader: ForwardReader) -> Iterator[Finding]:
    """Validate one model: pieces, each with a text, a score and a type, and the settings that it was trained with.

    Raises:
        Fault: when it is malformed, or holds a field that the format lacks.
    """
    if reader.size > SIZE_LIMIT:
        raise Fault("inspect.file.too-large", f"{reader.size} bytes exceed the limit of {SIZE_LIMIT}")
    wire, pieces, once = WireReader(reader, rule=_RULE), 0, set[int]()
    for item in wire.fields(reader.size):
        if item.wire != 2 or item.number not in (_PIECE, _TRAINER, _NORMALIZER, _SELF_TEST, _DENORMALIZER):
            raise Fault(_RULE, f"field {item.number} of the model is unknown", offset=item.offset)
        if item.number == _PIECE:
            pieces += 1
            _piece(wire, item)
            continue
        if item.number in once:
            raise Fault(_RULE, f"field {item.number} of the model stands twice", offset=item.offset)
        once.add(item.number)
        if item.number == _SELF_TEST:
            _samples(wire, item)
        else:
            yield from _settings(wire, item)
    if not pieces:
        raise Fault(_RULE, "no piece", offset=0)


def _piece(wire: WireReader, around: Field) -> None:
    # A vocabulary spells every sign that there is, so that its pieces are held to UTF-8 alone.
    texts = 0
    for item in wire.fields(around.length):
        if (item.number, item.wire) == (1, 2):
            wire.text(item, limit=_TEXT_LIMIT)
            texts += 1
        elif (item.number, item.wire) not in ((2, 5), (3, 0)):
            raise Fault(_RULE, f"field {item.number} of a piece is unknown", offset=item.offset)
    if texts != 1:
        raise Fault(_RULE, "a piece without its text, or with two", offset=around.offset)


def _samples(wire: WireReader, around: Field) -> None:
    for sample in wire.fields(around.length):
        if (sample.number, sample.wire) != (1, 2):
            raise Fault(_RULE, f"field {sample.number} of the self-test is unknown", offset=sample.offset)
        for item in wire.fields(sample.length):
            if item.number not in (1, 2) or item.wire != 2:
                raise Fault(_RULE, f"field {item.number} of a sample is unknown", offset=item.offset)
            wire.text(item, limit=_TEXT_LIMIT)


def _settings(wire: WireReader, around: Field) -> Iterator[Finding]:
    texts = _TEXTS[around.number]
    for item in wire.fields(around.length):
        if item.number >= 200:
            raise Fault(_RULE, f"extension {item.number}", offset=item.offset)
        if item.wire != 2:
            continue
        if item.number in texts:
            # The signs that must be covered are spelled out here, whatever they are.
            text = wire.text(item, limit=_TEXT_LIMIT)
            yield from unclean(text, what="a setting") if item.number in (1, 2) else ()
        elif item.number == _CHARACTER_MAP and around.number != _TRAINER:
            wire.reader.skip(item.length, what="character map")
        else:
            raise Fault(_RULE, f"field {item.number} of the settings is unknown", offset=item.offset)
