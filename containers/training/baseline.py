"""What the base model can do without fine-tuning: the figures that the fine-tuned model is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from containers.encoder import SentenceEncoder
from containers.encoder.arrays import Floats


def zero_shot(encoder: SentenceEncoder, *, embeddings: Floats, classes: Sequence[str]) -> list[str]:
    """Label each embedding with the class whose name, read as a sentence, lies nearest."""
    names = encoder.encode([name.replace("-", " ") for name in classes])
    return [classes[index] for index in np.argmax(embeddings @ names.T, axis=1)]


def nearest_centroid(*, train: Floats, labels: Sequence[str], embeddings: Floats) -> list[str]:
    """Label each embedding with the class whose mean training embedding lies nearest."""
    classes = sorted(set(labels))
    kinds = np.array([classes.index(label) for label in labels])
    centroids = np.stack([train[kinds == index].mean(axis=0) for index in range(len(classes))])
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    return [classes[index] for index in np.argmax(embeddings @ centroids.T, axis=1)]


def accuracy(found: Sequence[str], expected: Sequence[str]) -> float:
    """Return the share of labels that are right, 0 to 1."""
    return sum(a == b for a, b in zip(found, expected, strict=True)) / len(expected)
