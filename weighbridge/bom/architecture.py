"""What a model's own files say of its architecture: `config.json` as transformers writes it, and which tokenizer is there."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

CONFIG = "config.json"
CONFIG_LIMIT = 1024 * 1024
_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
)
# Names of one thing in the configs of different architectures (transformers' `attribute_map`).
_CONTEXT = ("max_position_embeddings", "n_positions", "max_sequence_length", "n_ctx")


@dataclass(frozen=True, slots=True)
class Architecture:
    """None: the files do not say. `context_length` is in tokens; `remote_code` whether the config names code to be run."""

    family: str | None = None
    model: str | None = None
    context_length: str | None = None
    number_format: str | None = None
    quantization: str | None = None
    tokenizer: str | None = None
    remote_code: bool | None = None


def read_architecture(*, config: bytes | None, paths: Collection[str]) -> Architecture:
    """Return what `config.json` and the names of a release's files say; a config that is no JSON object says nothing."""
    tokenizer = next((path for path in _TOKENIZERS if path in paths), None)
    found = _parsed(config)
    if found is None:
        return Architecture(tokenizer=tokenizer)
    architectures = found.get("architectures")
    quantization = found.get("quantization_config")
    return Architecture(
        family=_text(found.get("model_type")),
        model=_text(architectures[0]) if isinstance(architectures, list) and architectures else None,
        context_length=next((text for key in _CONTEXT if (text := _text(found.get(key))) is not None), None),
        number_format=_text(found.get("torch_dtype")) or _text(found.get("dtype")),
        quantization=_text(quantization.get("quant_method")) if isinstance(quantization, dict) else None,
        tokenizer=tokenizer,
        remote_code="auto_map" in found or "custom_pipelines" in found,
    )


def _parsed(config: bytes | None) -> Mapping[str, object] | None:
    try:
        found = None if config is None or len(config) > CONFIG_LIMIT else json.loads(config)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if text.isprintable() and 0 < len(text) <= 256 else None
