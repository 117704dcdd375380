"""What a model card says: licence, task and producer in its front matter, intended use and limitations in its sections.

Source: the Hugging Face hub's model card specification (YAML front matter; the template's headings). All of it is what
somebody wrote down. A placeholder of the template counts as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MODEL_CARD = "README.md"
MODEL_CARD_LIMIT = 1024 * 1024
TEXT_LIMIT = 2000

# Heading as the template or common cards have it, without case: which field its text belongs to.
_SECTIONS: Mapping[str, str] = {
    "model description": "description",
    "model details": "description",
    "uses": "intended_use",
    "intended use": "intended_use",
    "intended uses": "intended_use",
    "intended uses & limitations": "intended_use",
    "direct use": "intended_use",
    "downstream use": "intended_use",
    "out-of-scope use": "limitations",
    "limitations": "limitations",
    "known limitations": "limitations",
    "bias, risks, and limitations": "limitations",
    "limitations and bias": "limitations",
    "ethical considerations": "ethics",
    "bias": "ethics",
    "ethics": "ethics",
    "environmental impact": "environment",
    "human oversight": "oversight",
    "compute infrastructure": "compute",
}
_HEADING = re.compile(r"#{1,6}[ \t]+(\S.*)")
_PRODUCER = re.compile(r"[-*\s]*\*\*Developed by:?\*\*:?\s*(\S.*)", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[(?:more information needed|optional)\]|\{\{[^{}]{0,200}\}\}", re.IGNORECASE)
_NOT_A_LICENCE = frozenset({"unknown", "none", "n/a", "tbd"})


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A card's words. Texts are one line of at most 2,000 characters; None, or nothing, where the card does not say."""

    licences: tuple[str, ...] = ()
    task: str | None = None
    producer: str | None = None
    description: str | None = None
    intended_use: str | None = None
    limitations: str | None = None
    ethics: str | None = None
    environment: str | None = None
    oversight: str | None = None
    compute: str | None = None


def parse_card(data: bytes) -> ModelCard:
    """Return what the bytes of a model card say; what cannot be read says nothing."""
    text = data[:MODEL_CARD_LIMIT].decode("utf-8", errors="replace").replace("\r\n", "\n")
    head, body = _front_matter(text)
    sections = _sections(_without_comments(body))
    return ModelCard(
        licences=_licences(head),
        task=_plain(head.get("pipeline_tag")),
        producer=_producer(body),
        description=sections.get("description"),
        intended_use=sections.get("intended_use"),
        limitations=sections.get("limitations"),
        ethics=sections.get("ethics"),
        environment=sections.get("environment"),
        oversight=sections.get("oversight"),
        compute=sections.get("compute"),
    )


def _front_matter(text: str) -> tuple[Mapping[str, object], str]:
    head, end, body = text.removeprefix("---\n").partition("\n---")
    if not text.startswith("---\n") or not end:
        return {}, text
    # No serving image has a YAML parser, and none reads a card.
    import yaml

    try:
        found = yaml.safe_load(head)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, body
    return (found, body) if isinstance(found, dict) else ({}, body)


def _licences(head: Mapping[str, object]) -> tuple[str, ...]:
    value = head.get("license")
    if value == "other" and _plain(head.get("license_name")) is not None:
        value = head.get("license_name")
    values = value if isinstance(value, list) else [value]
    return tuple(text for item in values if (text := _plain(item)) is not None and text.lower() not in _NOT_A_LICENCE)


def _plain(value: object) -> str | None:
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= 256 else None


def _producer(body: str) -> str | None:
    for line in body.split("\n"):
        match = _PRODUCER.fullmatch(line.strip())
        if match is not None:
            return _one_line(match[1])
    return None


def _without_comments(body: str) -> str:
    first, *rest = body.split("<!--")
    return " ".join([first, *(part.partition("-->")[2] for part in rest)])


def _sections(body: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for heading, text in _parts(body):
        field, said = _SECTIONS.get(heading), _one_line(text)
        if field is not None and said is not None:
            found.setdefault(field, []).append(said)
    return {field: " ".join(texts)[:TEXT_LIMIT] for field, texts in found.items()}


def _parts(body: str) -> Iterator[tuple[str, str]]:
    heading, lines = "", list[str]()
    for line in body.split("\n"):
        match = _HEADING.fullmatch(line)
        if match is None:
            lines.append(line)
            continue
        yield heading, "\n".join(lines)
        heading, lines = " ".join(match[1].rstrip(" \t#").split()).casefold(), []
    yield heading, "\n".join(lines)


def _one_line(text: str) -> str | None:
    words = " ".join(_PLACEHOLDER.sub(" ", text).split())
    plain = "".join(letter for letter in words if letter.isprintable())[:TEXT_LIMIT].strip()
    return plain if any(letter.isalnum() for letter in plain) else None
