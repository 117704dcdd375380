"""What the server answers with: embeddings, or labels when the release carries a fine-tuned classifier."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypedDict

from containers.encoder import SentenceClassifier, SentenceEncoder


class Embeddings(TypedDict):
    """One list of floats per input, of length 1 as a vector."""

    embeddings: list[list[float]]


class Labels(TypedDict):
    """The best label of each input and its probability, 0 to 1."""

    labels: list[str]
    scores: list[float]


class Model(Protocol):
    """Answers texts. Called from worker threads."""

    def answer(self, texts: Sequence[str]) -> Embeddings | Labels:
        """Return the answer's JSON."""


class EmbeddingModel:
    """Answers with embeddings."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder

    def answer(self, texts: Sequence[str]) -> Embeddings:
        """Return one embedding per text."""
        return {"embeddings": self._encoder.encode(texts).tolist()}


class LabelModel:
    """Answers with labels."""

    def __init__(self, classifier: SentenceClassifier) -> None:
        self._classifier = classifier

    def answer(self, texts: Sequence[str]) -> Labels:
        """Return the best label of each text."""
        found = self._classifier.predict(texts)
        return {"labels": [item.label for item in found], "scores": [item.score for item in found]}


def load_model(folder: Path) -> Model:
    """Load what lies in `folder`.

    Raises:
        InputError: when a file is missing, malformed, or does not fit the others.
    """
    if SentenceClassifier.present(folder):
        return LabelModel(SentenceClassifier.load(folder))
    return EmbeddingModel(SentenceEncoder.load(folder))
