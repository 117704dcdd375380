"""A labelled text dataset: one JSON object a line, `{"text": "...", "label": "..."}`, named by the digest of its bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from weighbridge.errors import InputError
from weighbridge.names import Digest

RULE = "input.dataset"


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """`texts[i]` has label `labels[i]`; `digest` is the SHA-256 of the file's bytes."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    digest: Digest

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a JSONL file.

        Raises:
            InputError: rule `input.dataset`, naming file and line.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"dataset {path.name}: cannot be read: {error}", rule=RULE) from error
        rows = [
            _row(line, place=f"dataset {path.name}, line {number}") for number, line in enumerate(data.splitlines(), 1)
        ]
        if not rows:
            raise InputError(f"dataset {path.name}: is empty", rule=RULE)
        return cls(texts=tuple(row[0] for row in rows), labels=tuple(row[1] for row in rows), digest=Digest.of(data))

    def classes(self) -> tuple[str, ...]:
        """Return the distinct labels, sorted."""
        return tuple(sorted(set(self.labels)))


def check_held_out(*, train: LabelledTexts, test: LabelledTexts) -> None:
    """Refuse a test set whose figure would mean nothing.

    Raises:
        InputError: when a text is in both sets, when there is one label only, or when a test label is never trained.
    """
    shared = set(train.texts) & set(test.texts)
    if shared:
        raise InputError(
            f"datasets: {len(shared)} of the test's texts are trained on too, such as {min(shared)!r:.80}: take them out",
            rule=RULE,
        )
    if len(train.classes()) < 2:
        raise InputError("datasets: at least two labels are needed to train a classifier", rule=RULE)
    unknown = sorted(set(test.labels) - set(train.labels))
    if unknown:
        raise InputError(f"datasets: test has label {unknown[0]!r}, which train has not", rule=RULE)


def _row(line: bytes, *, place: str) -> tuple[str, str]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise InputError(f"{place}: not JSON", rule=RULE) from error
    text, label = (value.get("text"), value.get("label")) if isinstance(value, dict) else (None, None)
    if not isinstance(text, str) or not isinstance(label, str) or not text.strip() or not label.strip():
        raise InputError(f"{place}: not an object with a text and a label", rule=RULE)
    return text, label
