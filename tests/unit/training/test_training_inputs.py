"""Hyperparameters and datasets of the example job, and the dataset that its demo is built from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from training_world import HYPERPARAMETERS

from containers.training.baseline import accuracy
from containers.training.dataset import LabelledTexts, check_held_out
from containers.training.parameters import Parameters
from examples.training.build_dataset import first_sentence, rows
from examples.training.build_dataset import write as write_dataset
from weighbridge.errors import InputError
from weighbridge.names import Digest


def test_hyperparameters_have_defaults_and_sagemakers_own_are_passed_over() -> None:
    found = Parameters.read(HYPERPARAMETERS)
    assert (found.epochs, found.batch_size, found.seed) == (2, 32, 1)
    assert found.logged() == {
        "epochs": "2", "batch_size": "32", "learning_rate": "0.001", "max_tokens": "40", "seed": "1"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_revision": "main"}, "base_revision: 'main' is not a pinned revision"),
        ({"model_name": ""}, "hyperparameter model_name: is missing"),
        ({"model_version": "1/2"}, "model_version: '1/2' is not a legal name"),
        ({"epochs": "1.5"}, "epochs: '1.5' is not a whole number from 1 to 1000"),
        ({"epochs": "²"}, "epochs: '²' is not a whole number"),
        ({"learning_rate": "nan"}, "learning_rate: 'nan' is not a decimal between 0 and 1"),
        ({"learning_rate": "0"}, "learning_rate: '0' is not a decimal"),
        ({"epoch": "3"}, "hyperparameter epoch: unknown, known are"),
    ],
)
def test_a_bad_hyperparameter_is_named(changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Parameters.read({**HYPERPARAMETERS, **changes})
    assert message in str(caught.value)


def dataset(folder: Path, name: str, *lines: str) -> LabelledTexts:
    path = folder / name
    path.write_text("\n".join(lines))
    return LabelledTexts.read(path)


ROWS = ('{"text": "a", "label": "x"}', '{"text": "b", "label": "y"}')


def test_a_dataset_is_known_by_its_bytes(tmp_path: Path) -> None:
    found = dataset(tmp_path, "train.jsonl", *ROWS)
    assert found.digest == Digest.of("\n".join(ROWS).encode())
    assert found.classes() == ("x", "y")


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"text": "a"}', '{"text": " ", "label": "x"}', '{"text": 1, "label": "x"}', ""]
)
def test_a_bad_row_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match=r"dataset train\.jsonl, line 2: not"):
        dataset(tmp_path, "train.jsonl", ROWS[0], line, ROWS[1])


def test_missing_and_empty_datasets_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        LabelledTexts.read(tmp_path / "train.jsonl")
    with pytest.raises(InputError, match="is empty"):
        dataset(tmp_path, "train.jsonl")


def test_a_figure_on_texts_that_were_trained_on_is_refused(tmp_path: Path) -> None:
    train = dataset(tmp_path, "train.jsonl", *ROWS)
    with pytest.raises(InputError, match="1 of the test's texts are trained on too, such as 'a'"):
        check_held_out(train=train, test=dataset(tmp_path, "test.jsonl", ROWS[0]))
    with pytest.raises(InputError, match="test has label 'z'"):
        check_held_out(train=train, test=dataset(tmp_path, "other.jsonl", '{"text": "c", "label": "z"}'))
    with pytest.raises(InputError, match="at least two labels"):
        check_held_out(train=dataset(tmp_path, "one.jsonl", ROWS[0]), test=dataset(tmp_path, "two.jsonl", ROWS[1]))


def test_accuracy_is_the_share_that_is_right() -> None:
    assert accuracy(["a", "b", "c", "d"], ["a", "b", "x", "y"]) == 0.5


def test_the_example_dataset_is_the_same_every_time_and_held_out(tmp_path: Path) -> None:
    first, again = write_dataset(tmp_path / "a"), write_dataset(tmp_path / "b")
    assert first == again
    assert first["train.jsonl"] == hashlib.sha256((tmp_path / "a" / "train.jsonl").read_bytes()).hexdigest()
    train, test = (LabelledTexts.read(tmp_path / "a" / f"{name}.jsonl") for name in ("train", "test"))
    check_held_out(train=train, test=test)
    assert len(train.texts) > 2 * len(test.texts) > 200
    assert len(train.classes()) == 8
    assert len({row.text for row in rows()}) == len(train.texts) + len(test.texts)


def test_documentation_becomes_one_plain_sentence() -> None:
    assert first_sentence("<p>Creates a\n <b>bucket</b>. More &amp; more.</p>") == "Creates a bucket ."
