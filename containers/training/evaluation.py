"""The figures of a training job: what the base model and the fine-tuned one get right of texts that neither was shown."""

from __future__ import annotations

from pathlib import Path

from containers.encoder import SentenceClassifier, SentenceEncoder
from containers.training.baseline import accuracy, nearest_centroid, zero_shot
from containers.training.dataset import LabelledTexts

Metrics = dict[str, float]


def before(encoder: SentenceEncoder, *, train: LabelledTexts, test: LabelledTexts) -> Metrics:
    """Return the base model's figures on `test`.

    `accuracy_before` is what can be had of it without training: the nearest mean of the training texts' embeddings.
    `accuracy_zero_shot` knows the labels' names alone.
    """
    embeddings = encoder.encode(test.texts)
    classes = train.classes()
    centroids = nearest_centroid(train=encoder.encode(train.texts), labels=train.labels, embeddings=embeddings)
    return {
        "accuracy_zero_shot": accuracy(zero_shot(encoder, embeddings=embeddings, classes=classes), test.labels),
        "accuracy_before": accuracy(centroids, test.labels),
    }


def after(folder: Path, *, test: LabelledTexts) -> Metrics:
    """Return the figure of the classifier in `folder`, loaded from its files as a server does."""
    found = [item.label for item in SentenceClassifier.load(folder).predict(test.texts)]
    return {"accuracy_after": accuracy(found, test.labels)}


def printed(metrics: Metrics) -> dict[str, str]:
    """Return the figures as text with four decimals, as they are logged."""
    return {name: f"{value:.4f}" for name, value in metrics.items()}
