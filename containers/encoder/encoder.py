"""A sentence encoder: BERT, mean pooling, unit length. Equal to sentence-transformers' pipeline for all-MiniLM-L6-v2.

Source of the pipeline: modules.json of sentence-transformers/all-MiniLM-L6-v2 (Transformer, Pooling mean, Normalize).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from containers.encoder.arrays import Floats
from containers.encoder.config import EncoderConfig
from containers.encoder.tokens import SentenceTokenizer, TokenBatch
from containers.encoder.transformer import Weights, attention_bias, embed, layer, mean_pool
from containers.encoder.weights import check_encoder_weights, read_tensors

BATCH = 32


class SentenceEncoder:
    """Sentences in, embeddings out. Holds the weights; every method is free of side effects and thread-safe."""

    def __init__(self, *, config: EncoderConfig, weights: Weights, tokenizer: SentenceTokenizer) -> None:
        self.config = config
        self.weights = weights
        self.tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load config.json, tokenizer.json and model.safetensors from `folder`; no other file is opened or run.

        Raises:
            InputError: when a file is missing, malformed, or does not fit the others.
        """
        config = EncoderConfig.load(folder)
        weights = read_tensors(folder / "model.safetensors")
        check_encoder_weights(weights, config=config)
        return cls(config=config, weights=weights, tokenizer=SentenceTokenizer.load(folder, config=config))

    def hidden(self, batch: TokenBatch, *, layers: int | None = None) -> Floats:
        """Return the hidden states after the first `layers` layers (default: all): (B, T, H)."""
        states = embed(weights=self.weights, config=self.config, tokens=batch.tokens)
        bias = attention_bias(batch.mask)
        for index in range(self.config.layers if layers is None else layers):
            states = layer(states, weights=self.weights, index=index, bias=bias, config=self.config)
        return states

    def encode(self, texts: Sequence[str], *, batch_size: int = BATCH) -> Floats:
        """Return one embedding of length 1 per text: (N, H), in the order of `texts`.

        Texts of like length are batched together, because padding costs as much as tokens do.
        """
        found = np.zeros((len(texts), self.config.hidden), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = self.tokenizer.batch([texts[index] for index in rows])
            found[rows] = mean_pool(self.hidden(batch), mask=batch.mask)
        return found
