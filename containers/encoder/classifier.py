"""A fine-tuned sentence classifier: the encoder with its last layer replaced, and a linear head on the embedding.

On disk, beside the base model's files: `classifier.json` (`{"schema": "weighbridge.classifier/v1", "labels": [...]}`) and
`classifier.safetensors` (the last transformer layer under its BERT names, `classifier.weight`, `classifier.bias`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from safetensors.numpy import save_file

from containers.encoder.arrays import NUMPY, ArrayModule, Floats
from containers.encoder.encoder import BATCH, SentenceEncoder
from containers.encoder.transformer import Weights, linear, softmax
from containers.encoder.weights import layer_names, read_tensors
from weighbridge.errors import InputError

SCHEMA = "weighbridge.classifier/v1"
WEIGHTS_FILE = "classifier.safetensors"
LABELS_FILE = "classifier.json"
RULE = "input.classifier"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The most probable label of one text and its probability, 0 to 1."""

    label: str
    score: float


def logits(embeddings: Floats, *, weights: Weights, xp: ArrayModule = NUMPY) -> Floats:
    """Return unnormalised scores: (B, H) -> (B, labels)."""
    return linear(embeddings, weights=weights, name="classifier", xp=xp)


class SentenceClassifier:
    """Sentences in, labels out."""

    def __init__(self, *, encoder: SentenceEncoder, labels: Sequence[str], weights: Weights) -> None:
        self.labels = tuple(labels)
        self._head = weights
        self._encoder = SentenceEncoder(
            config=encoder.config, weights={**encoder.weights, **weights}, tokenizer=encoder.tokenizer
        )

    @classmethod
    def present(cls, folder: Path) -> bool:
        """Say whether `folder` holds a fine-tuned classifier."""
        return (folder / LABELS_FILE).exists()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load the base encoder and the classifier from `folder`.

        Raises:
            InputError: rule `input.classifier`, when labels and weights do not fit each other or the encoder.
        """
        encoder = SentenceEncoder.load(folder)
        labels = _read_labels(folder / LABELS_FILE)
        weights = read_tensors(folder / WEIGHTS_FILE)
        expected = {*layer_names(encoder.config.layers - 1), "classifier.weight", "classifier.bias"}
        if set(weights) != expected:
            difference = ", ".join(sorted(set(weights) ^ expected)[:3])
            raise InputError(f"{WEIGHTS_FILE}: unexpected or missing tensors: {difference}", rule=RULE)
        for name, tensor in weights.items():
            wanted = _head_shape(name, labels=len(labels), hidden=encoder.config.hidden) or encoder.weights[name].shape
            if tensor.shape != wanted:
                raise InputError(f"{WEIGHTS_FILE}: {name} has shape {tensor.shape}, expected {wanted}", rule=RULE)
        return cls(encoder=encoder, labels=labels, weights=weights)

    def scores(self, texts: Sequence[str], *, batch_size: int = BATCH) -> Floats:
        """Return the probability of every label: (N, labels)."""
        return softmax(logits(self._encoder.encode(texts, batch_size=batch_size), weights=self._head))

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return the most probable label of each text."""
        scores = self.scores(texts)
        best = np.argmax(scores, axis=1)
        return [Prediction(self.labels[index], float(row[index])) for index, row in zip(best, scores, strict=True)]


def save_classifier(*, folder: Path, labels: Sequence[str], weights: Weights) -> None:
    """Write `classifier.json` and `classifier.safetensors` into `folder`."""
    text = json.dumps({"schema": SCHEMA, "labels": list(labels)}, indent=2)
    (folder / LABELS_FILE).write_text(text + "\n", encoding="utf-8")
    save_file({name: np.ascontiguousarray(weights[name], dtype=np.float32) for name in sorted(weights)}, folder / WEIGHTS_FILE)  # fmt: skip


def _head_shape(name: str, *, labels: int, hidden: int) -> tuple[int, ...] | None:
    return {"classifier.weight": (labels, hidden), "classifier.bias": (labels,)}.get(name)


def _read_labels(path: Path) -> tuple[str, ...]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name}: cannot be read as JSON: {error}", rule=RULE) from error
    labels = value.get("labels") if isinstance(value, dict) and value.get("schema") == SCHEMA else None
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise InputError(f"{path.name}: not of schema {SCHEMA} with a list of labels", rule=RULE)
    if len(set(labels)) != len(labels):
        raise InputError(f"{path.name}: a label occurs twice", rule=RULE)
    return tuple(labels)
