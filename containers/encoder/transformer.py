"""The forward pass of BERT (Devlin et al. 2018; layer order and names as in transformers' BertModel), on any array module.

Shapes: B sentences, T tokens, H hidden units, A attention heads. Everything is float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from containers.encoder.arrays import NUMPY, ArrayModule, Floats, Integers
from containers.encoder.config import EncoderConfig

Weights = Mapping[str, Floats]

_ONE, _HALF = np.float32(1), np.float32(0.5)
_ERF = tuple(np.float32(value) for value in (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429))
_CACHED = 32 * 1024  # values: temporaries of this size stay in the processor cache, which is several times faster
_ERF_SCALE = np.float32(0.3275911)
_HIDDEN_FROM_ATTENTION = np.float32(-1e9)


def embed(*, weights: Weights, config: EncoderConfig, tokens: Integers) -> Floats:
    """Return the summed word, position and segment embeddings, normalised: (B, T) -> (B, T, H)."""
    words = weights["embeddings.word_embeddings.weight"][tokens]
    positions = weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
    segment = weights["embeddings.token_type_embeddings.weight"][0]
    return layer_norm(words + positions + segment, weights=weights, name="embeddings.LayerNorm", config=config)


def attention_bias(mask: Integers) -> Floats:
    """Return what is added to attention scores: 0 for a token, a large negative for padding. (B, T) -> (B, 1, 1, T)."""
    return ((1 - mask).astype(np.float32) * _HIDDEN_FROM_ATTENTION)[:, None, None, :]


def layer(
    hidden: Floats, *, weights: Weights, index: int, bias: Floats, config: EncoderConfig, xp: ArrayModule = NUMPY
) -> Floats:
    """Apply transformer layer `index`: (B, T, H) -> (B, T, H)."""
    prefix = f"encoder.layer.{index}."
    attended = _self_attention(
        hidden, weights=weights, prefix=prefix + "attention.self.", bias=bias, heads=config.heads, xp=xp
    )
    attended = linear(attended, weights=weights, name=prefix + "attention.output.dense", xp=xp)
    name = prefix + "attention.output.LayerNorm"
    hidden = layer_norm(attended + hidden, weights=weights, name=name, config=config, xp=xp)
    wide = gelu(linear(hidden, weights=weights, name=prefix + "intermediate.dense", xp=xp), xp=xp)
    narrow = linear(wide, weights=weights, name=prefix + "output.dense", xp=xp)
    return layer_norm(narrow + hidden, weights=weights, name=prefix + "output.LayerNorm", config=config, xp=xp)


def mean_pool(hidden: Floats, *, mask: Integers, xp: ArrayModule = NUMPY) -> Floats:
    """Average the tokens that are not padding, then scale to length 1: (B, T, H) -> (B, H)."""
    kept = mask.astype(np.float32)[:, :, None]
    count: Floats = np.maximum(np.sum(kept, axis=1), _ONE).astype(np.float32)
    mean: Floats = xp.sum(hidden * kept, axis=1) / count
    return mean / xp.sqrt(xp.sum(mean * mean, axis=1, keepdims=True) + np.float32(1e-12))


def linear(x: Floats, *, weights: Weights, name: str, xp: ArrayModule = NUMPY) -> Floats:
    """Return x W^T + b; checkpoints keep W as (out, in). One flat product is several times faster than one per sentence."""
    weight = weights[name + ".weight"]
    rows = xp.reshape(x, (-1, x.shape[-1]))
    product = xp.matmul(rows, xp.transpose(weight, (1, 0))) + weights[name + ".bias"]
    return xp.reshape(product, (*x.shape[:-1], weight.shape[0]))


def layer_norm(x: Floats, *, weights: Weights, name: str, config: EncoderConfig, xp: ArrayModule = NUMPY) -> Floats:
    """Normalise the last axis to mean 0 and variance 1, then scale and shift."""
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    variance = xp.mean(centred * centred, axis=-1, keepdims=True)
    scaled = centred / xp.sqrt(variance + np.float32(config.epsilon))
    return scaled * weights[name + ".weight"] + weights[name + ".bias"]


def gelu(x: Floats, *, xp: ArrayModule = NUMPY) -> Floats:
    """Return x * Phi(x), with erf from Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7, numpy has none)."""
    if xp is not NUMPY:
        return _gelu(x, xp=xp)
    flat = x.reshape(-1)
    found = np.empty_like(flat)
    for start in range(0, flat.size, _CACHED):
        found[start : start + _CACHED] = _gelu(flat[start : start + _CACHED], xp=xp)
    return found.reshape(x.shape)


def softmax(x: Floats, *, xp: ArrayModule = NUMPY) -> Floats:
    """Return probabilities over the last axis."""
    powers = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def _self_attention(
    hidden: Floats, *, weights: Weights, prefix: str, bias: Floats, heads: int, xp: ArrayModule
) -> Floats:
    batch, length, width = hidden.shape
    size = width // heads

    def split(name: str) -> Floats:
        projected = linear(hidden, weights=weights, name=prefix + name, xp=xp)
        return xp.transpose(xp.reshape(projected, (batch, length, heads, size)), (0, 2, 1, 3))

    query, key, value = split("query"), split("key"), split("value")
    scores = xp.matmul(query, xp.transpose(key, (0, 1, 3, 2))) * np.float32(1 / math.sqrt(size)) + bias
    mixed = xp.matmul(softmax(scores, xp=xp), value)
    return xp.reshape(xp.transpose(mixed, (0, 2, 1, 3)), (batch, length, width))


def _gelu(x: Floats, *, xp: ArrayModule) -> Floats:
    scaled = x * np.float32(1 / math.sqrt(2))
    size = xp.abs(scaled)
    t = xp.reciprocal(_ONE + _ERF_SCALE * size)
    a1, a2, a3, a4, a5 = _ERF
    series = ((((a5 * t + a4) * t + a3) * t + a2) * t + a1) * t
    erf: Floats = xp.sign(scaled) * (_ONE - series * xp.exp(-size * size))
    return x * _HALF * (_ONE + erf)
