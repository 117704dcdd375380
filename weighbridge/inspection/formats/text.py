"""Plain text, vocabularies and model cards: UTF-8 that shows what it holds."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator

from weighbridge.inspection.characters import control_characters, hidden_characters
from weighbridge.inspection.findings import Fault, Finding, shown
from weighbridge.inspection.formats.yaml_document import inspect_yaml
from weighbridge.inspection.reader import ForwardReader

TEXT_LIMIT = 48 * 1024 * 1024
MARKDOWN_LIMIT = 4 * 1024 * 1024
_STEP = 1024 * 1024
_RANK = re.compile("[A-Za-z0-9+/]{1,20000}={0,2} [0-9]{1,9}")
_VOCABULARY = re.compile("(.*vocab.*|merges)\\.txt|.*\\.(vocab|merges|bpe|codes)")
_FRONT = re.compile("\\A---[ \\t]*\\r?\\n(.*?)^---[ \\t]*$", re.DOTALL | re.MULTILINE)
_ACTIVE = re.compile(
    "(?i)<\\s*/?\\s*(script|iframe|frame|object|embed|applet|form|meta|base|link|svg|math)\\b"
    "|(?:javascript|vbscript)\\s*:|data:text/html"
)
# Browsers leave out tabs and line ends within an address, and read entities.
_HIDDEN_SCHEME = re.compile(
    "(?i)[(<\"'=:]\\s*(?:" + "[\\t\\r\\n]*".join("javascript") + "|" + "[\\t\\r\\n]*".join("vbscript") + ")\\s*:"
)
_HANDLER = re.compile("(?i)[\\s/\"']on[a-z]{3,20}\\s*=")
_TAG = re.compile("(?i)<[a-z]")
_TAG_LIMIT = 2000
_CODE_FENCE = re.compile("^(```|~~~).*?^\\1", re.DOTALL | re.MULTILINE)
_CODE_SPAN = re.compile("`[^`\\n]{1,500}`")


def validate_text(reader: ForwardReader, *, name: str) -> Iterator[Finding]:
    """Validate plain text of up to 48 MiB, a piece at a time. A vocabulary may spell every sign but controls.

    Raises:
        Fault: when it is too large or not UTF-8.
    """
    if reader.size > TEXT_LIMIT:
        raise Fault("inspect.file.too-large", f"{reader.size} bytes of text exceed the limit of {TEXT_LIMIT}")
    decoder = codecs.getincrementaldecoder("utf-8")()
    checks = [control_characters] if _VOCABULARY.fullmatch(name.casefold()) else [control_characters, hidden_characters]
    tail = ""
    while reader.remaining:
        start = reader.position
        try:
            text = decoder.decode(reader.read(min(_STEP, reader.remaining), what="text"), not reader.remaining)
        except UnicodeDecodeError as error:
            raise Fault("inspect.text.encoding", "not UTF-8", offset=start + error.start) from error
        if start == 0:
            text = text.removeprefix("\ufeff")
        for check in tuple(checks):
            # What joins two signs is judged with its neighbours: the last sign goes on into the next piece.
            found = list(check(tail + text, base=start))
            if found:
                yield from found
                checks.remove(check)
        tail = text[-1:]


def validate_markdown(reader: ForwardReader) -> Iterator[Finding]:
    """Validate a model card: plain text without active HTML, and plain YAML in its front matter.

    Raises:
        Fault: when it is too large, not UTF-8, or its front matter is not plain YAML.
    """
    text = read_text(reader, limit=MARKDOWN_LIMIT).removeprefix("\ufeff")
    yield from control_characters(text)
    yield from hidden_characters(text)
    front = _FRONT.match(text)
    if front is not None:
        yield from inspect_yaml(front[1], what="front matter", name="README.md")
    prose = _CODE_SPAN.sub("", _CODE_FENCE.sub("", text))
    active = _ACTIVE.search(prose) or _HIDDEN_SCHEME.search(html.unescape(prose))
    if active is not None:
        yield Finding("inspect.text.active", f"holds {shown(active[0])}")
    for handler in _HANDLER.finditer(prose):
        before = prose[max(0, handler.start() - _TAG_LIMIT) : handler.start()].rpartition(">")[2]
        if _TAG.search(before):
            yield Finding("inspect.text.active", f"holds a tag with {shown(handler[0].strip())}")
            break


def validate_ranks(reader: ForwardReader) -> Iterator[Finding]:
    """Validate tiktoken's ranks: on each line a token in base64 and its number (openai/tiktoken, load.py).

    Raises:
        Fault: when it is too large or holds anything else.
    """
    text = read_text(reader, limit=TEXT_LIMIT)
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        if _RANK.fullmatch(line) is None:
            raise Fault("inspect.tiktoken.line", f"line {number} is not a token in base64 and its number")
    yield from ()


def read_text(reader: ForwardReader, *, limit: int) -> str:
    """Return the whole file as text.

    Raises:
        Fault: when it is too large or not UTF-8.
    """
    try:
        return reader.read(reader.size, what="text", limit=limit).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Fault("inspect.text.encoding", "not UTF-8", offset=error.start) from error
