"""The classifier's files: written, read back, and refused when they do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from containers.encoder import SentenceClassifier, SentenceEncoder, save_classifier
from containers.encoder.weights import layer_names
from tests.unit.encoder.tiny_bert import HIDDEN, LAYERS, tiny_weights, write_tiny_bert
from weighbridge.errors import InputError

LABELS = ("s3", "ec2", "iam")


def head(*, seed: int = 11) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    other = tiny_weights(seed=seed)
    return {
        **{name: other[name] for name in layer_names(LAYERS - 1)},
        "classifier.weight": random.normal(0, 3, (len(LABELS), HIDDEN)).astype(np.float32),
        "classifier.bias": random.normal(0, 1, len(LABELS)).astype(np.float32),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = write_tiny_bert(tmp_path / "model")
    save_classifier(folder=found, labels=LABELS, weights=head())
    return found


def test_scores_come_from_the_replaced_layer_and_the_head(folder: Path) -> None:
    texts = ["a man eats food", "creates the bucket"]
    found = SentenceClassifier.load(folder).scores(texts)
    save_file(
        {**load_file(folder / "model.safetensors"), **{n: t for n, t in head().items() if n.startswith("encoder")}},
        folder / "model.safetensors",
    )
    raw = SentenceEncoder.load(folder).encode(texts) @ head()["classifier.weight"].T + head()["classifier.bias"]
    expected = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_prediction_is_the_best_label_with_its_probability(folder: Path) -> None:
    classifier = SentenceClassifier.load(folder)
    scores = classifier.scores(["the stock fell"])[0]
    (found,) = classifier.predict(["the stock fell"])
    assert found.label == LABELS[int(np.argmax(scores))]
    assert found.score == pytest.approx(float(scores.max()))


def test_present_only_with_labels(folder: Path) -> None:
    assert SentenceClassifier.present(folder)
    (folder / "classifier.json").unlink()
    assert not SentenceClassifier.present(folder)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"schema": "other", "labels": ["a"]}', '{"schema": "weighbridge.classifier/v1", "labels": []}',
     '{"schema": "weighbridge.classifier/v1", "labels": ["a", "a", "b"]}', '{"schema": "weighbridge.classifier/v1", "labels": [1]}'],
)  # fmt: skip
def test_bad_labels_are_refused(folder: Path, content: str) -> None:
    (folder / "classifier.json").write_text(content)
    with pytest.raises(InputError, match=r"classifier\.json"):
        SentenceClassifier.load(folder)


def test_labels_that_do_not_fit_the_head_are_refused(folder: Path) -> None:
    value = json.loads((folder / "classifier.json").read_text())
    value["labels"].append("kms")
    (folder / "classifier.json").write_text(json.dumps(value))
    with pytest.raises(InputError, match=r"classifier\.(weight|bias) has shape"):
        SentenceClassifier.load(folder)


def test_extra_and_missing_tensors_are_refused(folder: Path) -> None:
    weights = head()
    weights["embeddings.word_embeddings.weight"] = np.zeros((13, HIDDEN), dtype=np.float32)
    save_file(weights, folder / "classifier.safetensors")
    with pytest.raises(InputError, match=r"embeddings\.word_embeddings\.weight"):
        SentenceClassifier.load(folder)
    weights = head()
    del weights["classifier.bias"]
    save_file(weights, folder / "classifier.safetensors")
    with pytest.raises(InputError, match=r"classifier\.bias"):
        SentenceClassifier.load(folder)
