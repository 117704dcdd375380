"""Weights from safetensors files, memory-mapped, with every name and shape checked before the first use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from containers.encoder.arrays import Floats
from containers.encoder.config import EncoderConfig
from weighbridge.errors import InputError

_EMBEDDINGS = ("word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight", "LayerNorm.weight", "LayerNorm.bias")  # fmt: skip
_DENSE = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")
_NORMS = ("attention.output.LayerNorm", "output.LayerNorm")


def layer_names(index: int) -> tuple[str, ...]:
    """Names of all tensors of transformer layer `index`."""
    parts = (*_DENSE, "intermediate.dense", "output.dense", *_NORMS)
    return tuple(f"encoder.layer.{index}.{part}.{kind}" for part in parts for kind in ("weight", "bias"))


def read_tensors(path: Path) -> dict[str, Floats]:
    """Read every floating-point tensor of a safetensors file as float32; a leading `bert.` is dropped from names.

    Raises:
        InputError: rule `input.weights`, when the file is not readable as safetensors.
    """
    found: dict[str, Floats] = {}
    try:
        with safe_open(path, framework="np") as file:
            for name in file.keys():  # noqa: SIM118 - the handle is not a mapping
                tensor = file.get_tensor(name)
                if np.issubdtype(tensor.dtype, np.floating):
                    found[name.removeprefix("bert.")] = np.asarray(tensor, dtype=np.float32)
    except (OSError, SafetensorError, TypeError) as error:
        raise InputError(f"{path.name}: cannot be read as safetensors: {error}", rule="input.weights") from error
    return found


def check_encoder_weights(weights: dict[str, Floats], *, config: EncoderConfig) -> None:
    """Refuse weights that do not fit the configuration.

    Raises:
        InputError: rule `input.weights`, naming the first tensor that is missing or has another shape.
    """
    for name in (f"embeddings.{part}" for part in _EMBEDDINGS):
        _check(weights, name, last=config.hidden)
    for index in range(config.layers):
        for name in layer_names(index):
            bias = name.endswith(".bias") or "LayerNorm" in name
            wide = ".intermediate." in name
            inner = ".output.dense.weight" in name and "attention" not in name
            _check(weights, name, last=None if inner or (wide and bias) else config.hidden)


def _check(weights: dict[str, Floats], name: str, *, last: int | None) -> None:
    tensor = weights.get(name)
    if tensor is None:
        raise InputError(f"model.safetensors: tensor {name} is missing", rule="input.weights")
    if last is not None and tensor.shape[-1] != last:
        raise InputError(f"model.safetensors: tensor {name} has shape {tensor.shape}, expected (..., {last})", rule="input.weights")  # fmt: skip
