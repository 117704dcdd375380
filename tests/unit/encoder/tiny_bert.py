"""A tiny random BERT on disk, for tests that must not depend on a download."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "man", "eats", "food", "bucket", "creates", "the", "stock", "fell")
HIDDEN, HEADS, LAYERS, INNER, POSITIONS = 8, 2, 2, 16, 12


def write_tiny_bert(folder: Path, *, seed: int = 7, **config: object) -> Path:
    """Write config.json, tokenizer.json and model.safetensors; `config` overrides fields of config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = {
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN, "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS, "intermediate_size": INNER, "max_position_embeddings": POSITIONS,
        "layer_norm_eps": 1e-12, "pad_token_id": 0, "vocab_size": len(WORDS), "type_vocab_size": 2,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps({**fields, **config}))
    save_file(tiny_weights(seed=seed), folder / "model.safetensors")
    write_tokenizer(folder / "tokenizer.json")
    return folder


def tiny_weights(*, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return random.normal(0, 0.4, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": draw(len(WORDS), HIDDEN),
        "embeddings.position_embeddings.weight": draw(POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": draw(2, HIDDEN),
        "embeddings.LayerNorm.weight": draw(HIDDEN),
        "embeddings.LayerNorm.bias": draw(HIDDEN),
    }
    for index in range(LAYERS):
        prefix = f"encoder.layer.{index}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            weights |= {f"{prefix}{name}.weight": draw(HIDDEN, HIDDEN), f"{prefix}{name}.bias": draw(HIDDEN)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            weights |= {f"{prefix}{name}.weight": draw(HIDDEN), f"{prefix}{name}.bias": draw(HIDDEN)}
        weights |= {f"{prefix}intermediate.dense.weight": draw(INNER, HIDDEN)}
        weights |= {f"{prefix}intermediate.dense.bias": draw(INNER)}
        weights |= {f"{prefix}output.dense.weight": draw(HIDDEN, INNER), f"{prefix}output.dense.bias": draw(HIDDEN)}
    return weights


def write_tokenizer(path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(path))
