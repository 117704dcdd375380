"""The start sequence: what is loaded, what is refused, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from tests.unit.serving.serving_fakes import FILES, TOKEN, FakeChain, Run, environ_for, make_release, make_run
from weighbridge.errors import RegistryUnavailableError, RevokedError
from weighbridge.serving import serve
from weighbridge.serving.server_process import ServerProcess

SERVER = (sys.executable, "server.py", "--model={model}", "--port={port}")


class Place:
    """An /opt/ml of its own, a release, a chain."""

    def __init__(self, folder: Path) -> None:
        self.ml_root = folder / "ml"
        self.model = self.ml_root / "model"
        self.release = make_release(folder / "source")
        self.chain = FakeChain(release=self.release, source=folder / "source")

    def start(self, *, arguments: tuple[str, ...] = ("serve",), **environ: str | None) -> tuple[int, Run]:
        values = environ_for(self.release, ml_root=self.ml_root, **environ)
        run = make_run(environ=values, chain=self.chain)
        return serve(arguments=arguments, default_command=SERVER, outside=run.outside), run

    def kept(self) -> dict[str, bytes]:
        found = self.model.rglob("*")
        return {path.relative_to(self.model).as_posix(): path.read_bytes() for path in found if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def server_of(run: Run) -> ServerProcess:
    (server,) = run.handed
    assert isinstance(server, ServerProcess)
    return server


def test_exactly_the_files_to_load_lie_read_only_in_the_model_folder(place: Place) -> None:
    status, run = place.start()
    assert (status, run.err.getvalue()) == (0, "")
    assert place.kept() == FILES
    for path in (place.model, *place.model.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o227, path


def test_the_receipt_is_a_log_line_and_a_file(place: Place) -> None:
    _, run = place.start()
    receipt = json.loads((place.ml_root / "output" / "load-receipt.json").read_text())
    assert receipt["release"] == f"registry.example.com/prod-models/minilm:1.0.0@{place.release.digest}"
    assert receipt["promotion"] == "3@sha256:" + "c" * 64
    assert (receipt["files"], receipt["bytes"]) == (3, sum(map(len, FILES.values())))
    assert receipt["time"] == "2026-11-23T12:00:00Z"
    (line,) = [event for event in run.events() if event["event"] == "loaded"]
    assert receipt.items() <= line.items()


def test_the_server_gets_folder_and_port_and_no_secret(place: Place) -> None:
    _, run = place.start(
        SAGEMAKER_BIND_TO_PORT="9001", AWS_SECRET_ACCESS_KEY="x", AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2/x",
        JF_ACCESS_TOKEN="x", HF_TOKEN="x", VLLM_API_KEY="x", VLLM_LOGGING="INFO", OMP_NOTE=f"prefix {TOKEN}", LANG="C",
    )  # fmt: skip
    server = server_of(run)
    assert server.command == (sys.executable, "server.py", f"--model={place.model}", "--port=9001")
    assert server.environ == {
        "PATH": "/usr/bin:/bin",
        "LANG": "C",
        "VLLM_LOGGING": "INFO",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "SAGEMAKER_BIND_TO_PORT": "9001",
        "WEIGHBRIDGE_BIND_HOST": "0.0.0.0",
        "WEIGHBRIDGE_MODEL_FOLDER": str(place.model),
        "WEIGHBRIDGE_PROMOTION": "3@sha256:" + "c" * 64,
        "WEIGHBRIDGE_RELEASE": f"registry.example.com/prod-models/minilm:1.0.0@{place.release.digest}",
    }
    assert TOKEN not in run.out.getvalue() + run.err.getvalue()


def test_the_images_own_server_command_is_used(place: Place) -> None:
    command = json.dumps([sys.executable, "-m", "http.server", "{port}"])
    _, run = place.start(WEIGHBRIDGE_SERVER_COMMAND=command)
    assert server_of(run).command == (sys.executable, "-m", "http.server", "8080")


def assert_refused(place: Place, status: int, run: Run, *, expected: int, rule: str, said: str) -> None:
    assert status == expected
    refusal = run.refusal()
    assert refusal["rule"] == rule
    assert said in str(refusal["message"])
    assert run.handed == []
    assert not place.model.exists() or place.kept() == {}
    assert not (place.ml_root / "output" / "load-receipt.json").exists()


def test_a_program_that_is_not_in_the_image_is_refused_before_anything_is_pulled(place: Place) -> None:
    status, run = place.start(WEIGHBRIDGE_SERVER_COMMAND='["no-such-server"]')
    assert_refused(place, status, run, expected=2, rule="input", said="no-such-server")
    assert place.chain.pulled == []


@pytest.mark.parametrize("arguments", [(), ("train",), ("serve", "now")])
def test_other_arguments_are_refused(place: Place, arguments: tuple[str, ...]) -> None:
    status, run = place.start(arguments=arguments)
    assert_refused(place, status, run, expected=2, rule="input", said="'serve' only")


def test_a_missing_variable_is_one_line(place: Place) -> None:
    status, run = place.start(WEIGHBRIDGE_FLOOR=None)
    assert_refused(place, status, run, expected=2, rule="input.environment", said="WEIGHBRIDGE_FLOOR")


@pytest.mark.parametrize(
    ("error", "status", "rule"),
    [
        (RevokedError("minilm 1.0.0 is revoked"), 4, "refused.revoked"),
        (RegistryUnavailableError("no answer"), 3, "registry.unavailable"),
        (RuntimeError("two\nlines"), 1, "weighbridge.error"),
    ],
)
def test_a_failed_verification_ends_with_its_own_status(place: Place, error: Exception, status: int, rule: str) -> None:
    place.chain.refusal = error
    found, run = place.start()
    assert_refused(place, found, run, expected=status, rule=rule, said=str(error).split("\n")[0])


def test_a_promotion_of_another_release_is_refused(place: Place, tmp_path: Path) -> None:
    place.chain.release = make_release(tmp_path / "other", version="2.0.0")
    status, run = place.start()
    assert_refused(place, status, run, expected=4, rule="refused.other-release", said="minilm:2.0.0")


@pytest.mark.parametrize("damage", ["extra", "missing", "short", "link"])
def test_a_folder_that_is_not_exactly_the_release_is_refused(place: Place, damage: str) -> None:
    def write(folder: Path) -> None:
        if damage == "extra":
            (folder / "1_Pooling" / "code.py").write_text("import os")
        elif damage == "missing":
            (folder / "config.json").unlink()
        elif damage == "short":
            (folder / "model.safetensors").write_bytes(b"weights")
        else:
            (folder / "config.json").unlink()
            (folder / "config.json").symlink_to("/etc/hostname")

    place.chain.write = write
    status, run = place.start()
    assert_refused(place, status, run, expected=4, rule="refused.integrity", said="model folder")


def test_what_an_earlier_start_left_is_not_served(place: Place) -> None:
    (place.model / "old").mkdir(parents=True)
    (place.model / "old" / "weights.safetensors").write_bytes(b"old")
    (place.model / "old").chmod(0o500)
    status, _ = place.start()
    assert status == 0
    assert place.kept() == FILES


def test_a_second_start_over_read_only_files_succeeds(place: Place) -> None:
    assert place.start()[0] == 0
    assert place.start()[0] == 0
    assert place.kept() == FILES


def test_a_model_folder_that_is_a_link_is_refused(place: Place, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").write_text("x")
    place.ml_root.mkdir()
    place.model.symlink_to(tmp_path / "elsewhere")
    status, run = place.start()
    assert (status, run.refusal()["rule"]) == (2, "input.model-folder")
    assert (tmp_path / "elsewhere" / "precious").exists()


def test_sigterm_during_the_pull_leaves_nothing(place: Place) -> None:
    before = signal.getsignal(signal.SIGTERM)
    place.chain.during_pull = lambda: os.kill(os.getpid(), signal.SIGTERM)
    status, run = place.start()
    assert status == 143
    assert len(place.chain.pulled) == 1
    assert place.kept() == {}
    assert run.handed == []
    assert run.events()[-1]["event"] == "stopped"
    assert run.err.getvalue() == ""
    assert signal.getsignal(signal.SIGTERM) == before
