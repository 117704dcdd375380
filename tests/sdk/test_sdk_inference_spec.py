"""The InferenceSpec with the real SageMaker SDK v3, in its own environment, over an embedded registry."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from containers.encoder import SentenceEncoder
from local.process import ROOT, environment_python
from local.registry.tamper import flip_byte
from tests.promoted_registry import PromotedRegistry, promoted_registry

MODEL = ROOT / ".build" / "models" / "all-MiniLM-L6-v2"
TEXTS = ("Return one page of objects", "delete a bucket")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PromotedRegistry]:
    with promoted_registry(tmp_path) as found:
        yield found


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("the verified note")
    (folder / "b.txt").write_text("another")
    return folder


def play(world: PromotedRegistry, environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run one scene as a user's shell would, with the reader's token and nothing else of this process's environment."""
    home = world.folder / "home"
    home.mkdir(exist_ok=True)
    config = home / "sagemaker.yaml"
    config.write_text(
        "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n", encoding="utf-8"
    )
    return subprocess.run(
        [str(environment_python("sdk")), "-m", "tests.sdk.sdk_scenes", *words],
        cwd=ROOT,
        env={
            **environ,
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(home),
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "JF_ACCESS_TOKEN": world.registry.token("reader"),
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(config),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_sdk_answers_as_the_model_does(world: PromotedRegistry, tmp_path: Path) -> None:
    release, promotion = world.promote(MODEL)
    environ = world.container_environment(release=release, promotion=promotion, ml_root=tmp_path / "ml")
    done = play(world, environ, "endpoint", *TEXTS)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert np.allclose(answer["embeddings"], SentenceEncoder.load(MODEL).encode(TEXTS), atol=1e-6)
    assert f'"release": "{environ["WEIGHBRIDGE_RELEASE"]}"' in done.stdout
    assert not (tmp_path / "ml").exists()


def test_a_flipped_byte_is_refused_before_the_sdk_serves(world: PromotedRegistry, tmp_path: Path) -> None:
    release, promotion = world.promote(MODEL)
    environ = world.container_environment(release=release, promotion=promotion, ml_root=tmp_path / "ml")
    flip_byte(
        folder=world.registry.folder,
        repository=world.layout.models_repository,
        path="models/minilm/1.0.0/model.safetensors",
    )
    done = play(world, environ, "endpoint", *TEXTS)
    assert done.returncode == 4, done.stderr
    assert "refused.integrity" in done.stderr
    assert "model.safetensors" in done.stderr
    assert "embeddings" not in done.stdout
    assert world.registry.token("reader") not in done.stdout + done.stderr


def test_what_the_sdk_uploads_loads_in_its_container_and_holds_none_of_the_model(
    world: PromotedRegistry, notes: Path, tmp_path: Path
) -> None:
    release, promotion = world.promote(notes)
    environ = world.container_environment(release=release, promotion=promotion, ml_root=tmp_path / "ml")
    uploads = tmp_path / "uploads"
    built = play(world, environ, "build", str(uploads))
    assert built.returncode == 0, built.stderr
    uploaded = {
        path.relative_to(uploads).as_posix(): path.read_bytes() for path in uploads.rglob("*") if path.is_file()
    }
    assert "code/serve.pkl" in uploaded
    assert not [name for name, data in uploaded.items() if b"the verified note" in data]
    token = world.registry.token("reader").encode()
    assert not [name for name, data in uploaded.items() if token in data]
    served = play(world, environ, "serve", str(uploads))
    assert served.returncode == 0, served.stderr
    assert json.loads(served.stdout.splitlines()[-1]) == {"answer": "the verified note"}
    assert {name: (uploads / name).read_bytes() for name in uploaded} == uploaded


def test_a_refusal_leaves_no_file_and_no_signal_handler(world: PromotedRegistry, notes: Path, tmp_path: Path) -> None:
    release, promotion = world.promote(notes)
    environ = world.container_environment(release=release, promotion=promotion, ml_root=tmp_path / "ml")
    flip_byte(folder=world.registry.folder, repository=world.layout.models_repository, path="models/minilm/1.0.0/b.txt")
    done = play(world, environ, "refuse")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "rules": ["refused.integrity", "refused.integrity"],
        "left": [],
        "signals_untouched": True,
    }


def test_a_variable_that_is_missing_is_one_line(world: PromotedRegistry, notes: Path, tmp_path: Path) -> None:
    release, promotion = world.promote(notes)
    environ = dict(world.container_environment(release=release, promotion=promotion, ml_root=tmp_path / "ml"))
    del environ["WEIGHBRIDGE_FLOOR"]
    done = play(world, environ, "refuse")
    assert json.loads(done.stdout.splitlines()[-1])["rules"] == ["input.environment", "input.environment"]
