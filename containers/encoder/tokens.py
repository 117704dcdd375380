"""Sentences to token ids, with the tokenizer.json that came with the model (library `tokenizers`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from tokenizers import Tokenizer

from containers.encoder.arrays import Integers
from containers.encoder.config import EncoderConfig
from weighbridge.errors import InputError


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Token ids and mask (1 token, 0 padding), both (B, T); T is the longest sentence of the batch."""

    tokens: Integers
    mask: Integers

    @property
    def size(self) -> int:
        """How many sentences the batch holds."""
        return int(self.tokens.shape[0])

    def cut(self, length: int) -> TokenBatch:
        """Return the batch with at most `length` tokens a sentence; a cut sentence loses its [SEP]."""
        return TokenBatch(tokens=self.tokens[:, :length], mask=self.mask[:, :length])


class SentenceTokenizer:
    """Turns text into padded batches. Texts are cut at `max_length` tokens, as sentence-transformers does."""

    def __init__(self, *, tokenizer: Tokenizer, max_length: int, pad_token: int) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length=max_length)
        self._tokenizer = tokenizer
        self._pad = pad_token

    @classmethod
    def load(cls, folder: Path, *, config: EncoderConfig) -> Self:
        """Read `tokenizer.json`.

        Raises:
            InputError: rule `input.tokenizer`, when it is missing or malformed.
        """
        path = folder / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except Exception as error:  # tokenizers raises bare Exception for malformed files
            raise InputError(f"tokenizer.json: cannot be read: {error}", rule="input.tokenizer") from error
        return cls(tokenizer=tokenizer, max_length=config.max_length, pad_token=config.pad_token)

    def batch(self, texts: Sequence[str]) -> TokenBatch:
        """Tokenize `texts` into one batch padded to its longest sentence."""
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        length = max((len(row) for row in rows), default=0)
        tokens = np.full((len(rows), length), self._pad, dtype=np.int64)
        mask = np.zeros((len(rows), length), dtype=np.int64)
        for index, row in enumerate(rows):
            tokens[index, : len(row)] = row
            mask[index, : len(row)] = 1
        return TokenBatch(tokens=tokens, mask=mask)
