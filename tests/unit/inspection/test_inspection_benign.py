"""No ordinary file is held back."""

from __future__ import annotations

from pathlib import Path

import pytest
from inspection_benign import BENIGN, Benign
from inspection_builders import external, onnx

from weighbridge.inspection import inspect_folder
from weighbridge.release import hash_file

MODEL = Path(__file__).resolve().parents[3] / ".build" / "models" / "all-MiniLM-L6-v2"


@pytest.mark.parametrize("benign", BENIGN, ids=[item[0] for item in BENIGN])
def test_ordinary_file_passes_with_its_digests(tmp_path: Path, benign: Benign) -> None:
    _, name, data = benign
    (tmp_path / name).write_bytes(data)
    report = inspect_folder(tmp_path)
    assert report.files[0].findings == ()
    assert report.verdict == "clean"
    hashed = hash_file(tmp_path / name)
    assert (report.files[0].digest, report.files[0].chunks) == (hashed.digest, hashed.chunks)


def test_corpus_is_large() -> None:
    assert len(BENIGN) >= 60
    assert len({(item[1], item[2]) for item in BENIGN}) == len(BENIGN)


def test_external_data_passes_beside_the_model_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(onnx(external(location="model.onnx_data", offset="4", length="8")))
    (tmp_path / "model.onnx_data").write_bytes(b"\0\1\2\3" * 3)
    assert inspect_folder(tmp_path).verdict == "clean"
    (tmp_path / "model.onnx_data").write_bytes(b"\0\1\2\3" * 2)
    assert inspect_folder(tmp_path).verdict == "blocked"


@pytest.mark.skipif(
    not MODEL.exists(), reason="the pretrained model is fetched by the set-up, not kept in the repository"
)
def test_real_model_is_clean() -> None:
    report = inspect_folder(MODEL)
    assert [(file.path, item) for file in report.files for item in file.findings] == []
    assert report.verdict == "clean"
