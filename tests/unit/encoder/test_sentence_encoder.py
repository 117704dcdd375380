"""The encoder against a naive float64 BERT written here, and against transformers' numbers for the real model."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from containers.encoder import SentenceEncoder
from tests.unit.encoder.tiny_bert import HEADS, HIDDEN, LAYERS, WORDS, write_tiny_bert
from weighbridge.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
REAL = ROOT / ".build" / "models" / "all-MiniLM-L6-v2"

# torch 2.13.0 and transformers 5.23.0: BertModel, mean pooling, normalize; first six of 384 values
FROM_TRANSFORMERS = {
    "A man is eating food.": (0.03324156, 0.00440608, -0.00627702, 0.04837874, -0.13870224, -0.0336174),
    "Someone eats a meal.": (0.00032134, 0.0344666, -0.01160288, 0.01306664, -0.10564595, -0.03604917),
}


def norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return (x - x.mean()) / math.sqrt(x.var() + 1e-12) * weight + bias


def naive_embedding(text: str, weights: dict[str, np.ndarray]) -> np.ndarray:
    """BERT one vector at a time, in float64, with math.erf: slow and obvious."""
    w = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    ids = [2, *(WORDS.index(word) for word in text.split()), 3]
    states = [
        norm(
            w["embeddings.word_embeddings.weight"][token]
            + w["embeddings.position_embeddings.weight"][position]
            + w["embeddings.token_type_embeddings.weight"][0],
            w["embeddings.LayerNorm.weight"],
            w["embeddings.LayerNorm.bias"],
        )
        for position, token in enumerate(ids)
    ]
    for index in range(LAYERS):
        states = naive_layer(states, w, f"encoder.layer.{index}.")
    mean = np.mean(states, axis=0)
    return mean / np.linalg.norm(mean)


def naive_layer(states: list[np.ndarray], w: dict[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    def dense(name: str, x: np.ndarray) -> np.ndarray:
        return w[f"{prefix}{name}.weight"] @ x + w[f"{prefix}{name}.bias"]

    size = HIDDEN // HEADS
    query, key, value = ([dense(f"attention.self.{part}", x) for x in states] for part in ("query", "key", "value"))
    found = []
    for row, state in enumerate(states):
        mixed = []
        for head in range(HEADS):
            cut = slice(head * size, (head + 1) * size)
            scores = np.array([query[row][cut] @ other[cut] / math.sqrt(size) for other in key])
            share = np.exp(scores) / np.exp(scores).sum()
            mixed.append(sum(part * other[cut] for part, other in zip(share, value, strict=True)))
        attended = dense("attention.output.dense", np.concatenate(mixed)) + state
        name = f"{prefix}attention.output.LayerNorm"
        attended = norm(attended, w[f"{name}.weight"], w[f"{name}.bias"])
        wide = np.array([x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in dense("intermediate.dense", attended)])
        name = f"{prefix}output.LayerNorm"
        found.append(norm(dense("output.dense", wide) + attended, w[f"{name}.weight"], w[f"{name}.bias"]))
    return found


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_bert(tmp_path / "tiny")


def test_embeddings_equal_a_naive_float64_bert(tiny: Path) -> None:
    texts = ["a man eats food", "the stock fell", "creates bucket a man the food"]
    found = SentenceEncoder.load(tiny).encode(texts)
    expected = [naive_embedding(text, load_file(tiny / "model.safetensors")) for text in texts]
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_text_has_the_same_embedding_alone_and_in_a_padded_batch(tiny: Path) -> None:
    encoder = SentenceEncoder.load(tiny)
    texts = ["a", "a man eats the food the man creates a bucket", "stock fell"]
    together = encoder.encode(texts, batch_size=3)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_order_and_length_one_are_kept_over_many_batches(tiny: Path) -> None:
    encoder = SentenceEncoder.load(tiny)
    texts = [" ".join(WORDS[4 + (index + step) % 9] for step in range(1 + index % 7)) for index in range(23)]
    found = encoder.encode(texts, batch_size=4)
    np.testing.assert_allclose(found, np.concatenate([encoder.encode([text]) for text in texts]), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_long_texts_are_cut_at_the_sentence_transformers_length(tiny: Path) -> None:
    (tiny / "sentence_bert_config.json").write_text('{"max_seq_length": 5}')
    encoder = SentenceEncoder.load(tiny)
    np.testing.assert_array_equal(encoder.encode(["a man eats food stock"]), encoder.encode(["a man eats"]))


def test_nothing_to_encode_gives_no_rows(tiny: Path) -> None:
    assert SentenceEncoder.load(tiny).encode([]).shape == (0, HIDDEN)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "roberta"}, "model_type is 'roberta'"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"num_hidden_layers": "2"}, "num_hidden_layers: must be a whole number"),
        ({"num_attention_heads": 3}, "not a multiple of 3"),
        ({"layer_norm_eps": None}, "layer_norm_eps"),
    ],
)
def test_a_configuration_it_cannot_compute_is_refused(tmp_path: Path, config: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        SentenceEncoder.load(write_tiny_bert(tmp_path / "bad", **config))


def test_a_missing_tensor_is_named(tiny: Path) -> None:
    weights = load_file(tiny / "model.safetensors")
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, tiny / "model.safetensors")
    with pytest.raises(InputError, match=r"encoder\.layer\.1\.output\.dense\.bias is missing"):
        SentenceEncoder.load(tiny)


def test_a_tensor_of_another_width_is_named(tiny: Path) -> None:
    weights = load_file(tiny / "model.safetensors")
    weights["encoder.layer.0.attention.self.key.weight"] = np.zeros((HIDDEN, 5), dtype=np.float32)
    save_file(weights, tiny / "model.safetensors")
    with pytest.raises(InputError, match=r"attention\.self\.key\.weight has shape"):
        SentenceEncoder.load(tiny)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_or_broken_file_is_one_line(tiny: Path, name: str) -> None:
    (tiny / name).write_text("{")
    with pytest.raises(InputError, match=name) as caught:
        SentenceEncoder.load(tiny)
    assert "\n" not in str(caught.value)
    (tiny / name).unlink()
    with pytest.raises(InputError, match=name):
        SentenceEncoder.load(tiny)


@pytest.fixture(scope="module")
def real() -> SentenceEncoder:
    assert REAL.is_dir(), "set it up with: python3 tools/bootstrap.py model"
    return SentenceEncoder.load(REAL)


def test_the_real_model_gives_the_numbers_of_transformers(real: SentenceEncoder) -> None:
    found = real.encode(list(FROM_TRANSFORMERS))[:, :6]
    np.testing.assert_allclose(found, list(FROM_TRANSFORMERS.values()), atol=2e-6)


def test_the_real_model_puts_like_sentences_closer(real: SentenceEncoder) -> None:
    base, like, other = real.encode(
        ["Lists the buckets you own.", "Shows all of your storage buckets.", "A man is eating food."]
    )
    assert base @ like > 0.6
    assert base @ other < 0.2
    assert json.loads((REAL / "config.json").read_text())["hidden_size"] == base.shape[0]
