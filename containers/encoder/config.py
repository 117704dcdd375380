"""config.json of a BERT encoder, read strictly: what this implementation cannot compute is refused, never guessed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from weighbridge.errors import InputError

RULE = "input.encoder-config"


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Shapes of a BERT encoder (names as in transformers' BertConfig). `max_length` is in tokens, [CLS] and [SEP] included."""

    layers: int
    hidden: int
    heads: int
    epsilon: float
    max_length: int
    pad_token: int

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `config.json`, and `sentence_bert_config.json` where there is one.

        Raises:
            InputError: rule `input.encoder-config`, for another architecture, another activation or a missing field.
        """
        config = _read(folder / "config.json")
        _require(config, "model_type", "bert")
        _require(config, "hidden_act", "gelu")
        _require(config, "position_embedding_type", "absolute", default="absolute")
        positions = _integer(config, "max_position_embeddings")
        sentence = folder / "sentence_bert_config.json"
        wanted = _integer(_read(sentence), "max_seq_length") if sentence.exists() else positions
        hidden, heads = _integer(config, "hidden_size"), _integer(config, "num_attention_heads")
        if hidden % heads:
            raise InputError(
                f"config.json: hidden_size {hidden} is not a multiple of {heads} attention heads", rule=RULE
            )
        epsilon = config.get("layer_norm_eps", 1e-12)
        if not isinstance(epsilon, float):
            raise InputError("config.json: layer_norm_eps must be a decimal number", rule=RULE)
        return cls(
            layers=_integer(config, "num_hidden_layers"),
            hidden=hidden,
            heads=heads,
            epsilon=epsilon,
            max_length=min(positions, wanted),
            pad_token=_integer(config, "pad_token_id", least=0),
        )


def _read(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name}: cannot be read as JSON: {error}", rule=RULE) from error
    if not isinstance(value, dict):
        raise InputError(f"{path.name}: not a JSON object", rule=RULE)
    return value


def _require(config: dict[str, object], field: str, expected: str, *, default: str | None = None) -> None:
    found = config.get(field, default)
    if found != expected:
        raise InputError(f"config.json: {field} is {found!r}, this encoder computes {expected!r} only", rule=RULE)


def _integer(config: dict[str, object], field: str, *, least: int = 1) -> int:
    value = config.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{field}: must be a whole number of at least {least}, found {value!r}", rule=RULE)
    return value
