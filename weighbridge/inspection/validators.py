"""Which validator judges which content, and which names that content may have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from weighbridge.inspection.findings import Finding, shown
from weighbridge.inspection.formats.gguf import validate_gguf
from weighbridge.inspection.formats.image_gif import validate_gif
from weighbridge.inspection.formats.image_jpeg import validate_jpeg
from weighbridge.inspection.formats.image_png import validate_png
from weighbridge.inspection.formats.image_svg import validate_svg
from weighbridge.inspection.formats.image_webp import validate_webp
from weighbridge.inspection.formats.json_document import validate_json, validate_json_lines
from weighbridge.inspection.formats.onnx import validate_onnx
from weighbridge.inspection.formats.safetensors import validate_safetensors
from weighbridge.inspection.formats.sentencepiece import validate_sentencepiece
from weighbridge.inspection.formats.template import SIZE_LIMIT as TEMPLATE_LIMIT
from weighbridge.inspection.formats.template import inspect_template
from weighbridge.inspection.formats.text import read_text, validate_markdown, validate_ranks, validate_text
from weighbridge.inspection.formats.toml_document import validate_toml
from weighbridge.inspection.formats.yaml_document import SIZE_LIMIT as YAML_LIMIT
from weighbridge.inspection.formats.yaml_document import inspect_yaml
from weighbridge.inspection.reader import ForwardReader
from weighbridge.inspection.sniff import SNIFFED, Format, sniff

# Raised with every change of what a validator accepts; stands in the inspector's statement.
VALIDATORS = {
    "config": 2, "gguf": 2, "gif": 1, "jpeg": 1, "json": 2, "markdown": 2, "names": 1, "onnx": 2, "png": 2, "safetensors": 1,
    "sentencepiece": 1, "svg": 1, "template": 2, "text": 2, "toml": 1, "webp": 1, "yaml": 1,
}  # fmt: skip

_SUFFIXES: dict[Format, tuple[str, ...]] = {
    "safetensors": (".safetensors",),
    "gguf": (".gguf",),
    "onnx": (".onnx",),
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "gif": (".gif",),
    "webp": (".webp",),
    "sentencepiece": (".model", ".spm"),
}
_REFUSED: dict[Format, tuple[str, str]] = {
    "pickle": ("inspect.format.pickle", "runs code when it is loaded"),
    "archive": ("inspect.format.archive", "what is in it cannot be judged"),
    "executable": ("inspect.format.executable", "is a program"),
    "unsupported": ("inspect.format.unsupported", "is not on the list"),
    "unknown": ("inspect.format.unknown", "begins like nothing on the list"),
}
_PLAIN = re.compile(
    "(.*\\.(txt|vocab|merges|bpe|codes|csv|tsv|rst|log|lock|cff|bib|tex)|\\.git(attributes|ignore)|\\.gitkeep|license.*|licence.*|"
    "notice.*|readme|copying|authors|version|changelog|merges|vocab|use_policy.*)"
)
_CODE_SUFFIX = re.compile(".*\\.(py[cdwxoi]?|pyx|ipynb|sh|bash|zsh|bat|cmd|ps1|js|mjs|ts|rb|pl|php|lua|so|dll|exe|jar|java|c|cc|cpp|h|rs|"
                          "go|r|html?|xhtml|xml|pth|ini|cfg|conf|service|desktop|egg|whl|tf|sql|wasm|ipy|jl|swift|cu)")  # fmt: skip


def validate(reader: ForwardReader, *, name: str) -> tuple[str, Iterator[Finding]]:
    """Return the format of a file and its findings, which are found as they are taken.

    Args:
        name: last segment of the file's path.
    """
    kind, word = sniff(reader.peek(SNIFFED), size=reader.size)
    folded = name.casefold()
    if kind in _REFUSED:
        rule, reason = _REFUSED[kind]
        return word, iter([Finding(rule, f"{word}: {reason}", offset=0)])
    if kind == "empty":
        return word, _text_suffix(folded)
    if kind == "text":
        return _text(reader, folded)
    return word, _named(kind, word, reader, folded)


def _named(kind: Format, word: str, reader: ForwardReader, name: str) -> Iterator[Finding]:
    if not name.endswith(_SUFFIXES[kind]):
        yield Finding("inspect.name.suffix", f"holds {word}, and is not named {' or '.join(_SUFFIXES[kind])}")
    if kind == "safetensors":
        yield from validate_safetensors(reader)
    elif kind == "gguf":
        yield from validate_gguf(reader)
    elif kind == "onnx":
        yield from validate_onnx(reader)
    elif kind == "png":
        yield from validate_png(reader)
    elif kind == "jpeg":
        yield from validate_jpeg(reader)
    elif kind == "webp":
        yield from validate_webp(reader)
    elif kind == "sentencepiece":
        yield from validate_sentencepiece(reader)
    else:
        yield from validate_gif(reader)


def _text(reader: ForwardReader, name: str) -> tuple[str, Iterator[Finding]]:
    head = reader.peek(SNIFFED).lstrip(b"\xef\xbb\xbf \t\r\n")
    if name.endswith(".svg") or head.startswith(b"<svg") or (head.startswith(b"<?xml") and b"<svg" in head):
        return "SVG", _suffixed(".svg", name, "SVG", validate_svg(reader))
    if name.endswith(".json"):
        return "JSON", validate_json(reader, name=name)
    if name.endswith(".jsonl"):
        return "JSON lines", validate_json_lines(reader, name=name)
    if name.endswith((".yaml", ".yml")):
        return "YAML", _yaml(reader, name)
    if name.endswith(".toml"):
        return "TOML", validate_toml(reader, name=name)
    if name.endswith((".model", ".tiktoken")):
        return "tiktoken", validate_ranks(reader)
    if name.endswith((".jinja", ".jinja2", ".j2")):
        return "chat template", inspect_template(read_text(reader, limit=4 * TEMPLATE_LIMIT))
    if name.endswith((".md", ".markdown")):
        return "Markdown", validate_markdown(reader)
    return "text", _plain(reader, name)


def _yaml(reader: ForwardReader, name: str) -> Iterator[Finding]:
    yield from inspect_yaml(read_text(reader, limit=4 * YAML_LIMIT), what="file", name=name)


def _plain(reader: ForwardReader, name: str) -> Iterator[Finding]:
    yield from _text_suffix(name)
    yield from validate_text(reader, name=name)


def _text_suffix(name: str) -> Iterator[Finding]:
    if _CODE_SUFFIX.fullmatch(name):
        yield Finding("inspect.format.code", f"{shown(name)} is named as source code or settings of a program")
    elif name.endswith(tuple(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)):
        yield Finding("inspect.name.suffix", f"{shown(name)} promises another format than text")
    elif not _PLAIN.fullmatch(name) and not name.endswith((".md", ".markdown")):
        yield Finding("inspect.format.unknown", f"{shown(name)}: text under a name that is not on the list")


def _suffixed(suffix: str, name: str, word: str, found: Iterator[Finding]) -> Iterator[Finding]:
    if not name.endswith(suffix):
        yield Finding("inspect.name.suffix", f"holds {word}, and is not named {suffix}")
    yield from found
