"""Fine-tune the last transformer layer and a classification head with HIPS autograd; the layers below stay frozen.

The hidden states that enter the last layer do not change, so they are computed once; an epoch then costs one layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import autograd.numpy
import numpy as np
from autograd import value_and_grad

from containers.encoder import SentenceEncoder
from containers.encoder.arrays import ArrayModule, Floats, Integers
from containers.encoder.classifier import logits
from containers.encoder.transformer import attention_bias, layer, mean_pool
from containers.encoder.weights import layer_names
from containers.training.adam import Adam
from containers.training.parameters import Parameters

AUTOGRAD = cast(ArrayModule, autograd.numpy)
SHARPNESS = np.float32(10)
Trained = dict[str, Floats]
Report = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class FrozenBatch:
    """What enters the last layer for B texts of T tokens: hidden states (B, T, H), mask (B, T), label indices (B,)."""

    hidden: Floats
    mask: Integers
    labels: Integers


def finetune(
    encoder: SentenceEncoder, *, texts: Sequence[str], labels: Sequence[str], parameters: Parameters, report: Report
) -> Trained:
    """Return the trained tensors: the last layer under its BERT names, `classifier.weight` and `classifier.bias`.

    Args:
        report: called after each epoch with its number from 1 and the mean cross-entropy of its batches, in nats.
    """
    classes = sorted(set(labels))
    random = np.random.default_rng(parameters.seed)
    frozen = _freeze(encoder, texts=texts, labels=[classes.index(label) for label in labels], parameters=parameters)
    trained = _initial(encoder, classes=len(classes), random=random)
    optimizer = Adam(learning_rate=parameters.learning_rate, steps=parameters.epochs * len(frozen))

    def loss(weights: Trained, batch: FrozenBatch) -> Floats:
        return _cross_entropy(weights, encoder=encoder, batch=batch)

    gradient = value_and_grad(loss)
    for epoch in range(1, parameters.epochs + 1):
        losses = []
        for index in random.permutation(len(frozen)):
            value, slopes = gradient(trained, frozen[index])
            trained = optimizer.step(trained, slopes)
            losses.append(float(value))
        report(epoch, sum(losses) / len(losses))
    return trained | {"classifier.weight": trained["classifier.weight"] * SHARPNESS}


def _freeze(
    encoder: SentenceEncoder, *, texts: Sequence[str], labels: Sequence[int], parameters: Parameters
) -> list[FrozenBatch]:
    order = sorted(range(len(texts)), key=lambda index: (len(texts[index]), index))
    found = []
    for start in range(0, len(order), parameters.batch_size):
        rows = order[start : start + parameters.batch_size]
        batch = encoder.tokenizer.batch([texts[index] for index in rows]).cut(parameters.max_tokens)
        hidden = encoder.hidden(batch, layers=encoder.config.layers - 1)
        found.append(FrozenBatch(hidden=hidden, mask=batch.mask, labels=np.array([labels[index] for index in rows])))
    return found


def _initial(encoder: SentenceEncoder, *, classes: int, random: np.random.Generator) -> Trained:
    weights = {name: encoder.weights[name] for name in layer_names(encoder.config.layers - 1)}
    head = random.normal(0, 0.02, (classes, encoder.config.hidden)).astype(np.float32)
    return {**weights, "classifier.weight": head, "classifier.bias": np.zeros(classes, dtype=np.float32)}


def _cross_entropy(weights: Trained, *, encoder: SentenceEncoder, batch: FrozenBatch) -> Floats:
    bias = attention_bias(batch.mask)
    last = encoder.config.layers - 1
    hidden = layer(batch.hidden, weights=weights, index=last, bias=bias, config=encoder.config, xp=AUTOGRAD)
    # Embeddings have length 1; without a scale, the head's scores would stay too even to learn from in a few epochs.
    embeddings = mean_pool(hidden, mask=batch.mask, xp=AUTOGRAD) * SHARPNESS
    scores = logits(embeddings, weights=weights, xp=AUTOGRAD)
    shifted = scores - AUTOGRAD.max(scores, axis=-1, keepdims=True)
    normal = shifted - AUTOGRAD.log(AUTOGRAD.sum(AUTOGRAD.exp(shifted), axis=-1, keepdims=True))
    chosen = normal[np.arange(len(batch.labels)), batch.labels]
    return -AUTOGRAD.mean(chosen, axis=0)
