"""The hosting contract of the default server, over real HTTP, started as SageMaker would start it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import requests

from containers.encoder import SentenceEncoder, save_classifier
from containers.encoder.weights import layer_names
from tests.unit.encoder.tiny_bert import HIDDEN, LAYERS, tiny_weights, write_tiny_bert

ROOT = Path(__file__).resolve().parents[3]
DIGEST = "sha256:" + "e" * 64
PATIENCE = 30


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str

    def post(self, body: object, **options: object) -> requests.Response:
        return requests.post(f"{self.url}/invocations", json=body, timeout=PATIENCE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(folder: Path) -> Server:
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SAGEMAKER_BIND_TO_PORT": str(port),
        "WEIGHBRIDGE_BIND_HOST": "127.0.0.1", "WEIGHBRIDGE_MODEL_FOLDER": str(folder),
        "WEIGHBRIDGE_RELEASE": f"registry.example.com/prod-models/minilm:1.0.0@{DIGEST}",
    }  # fmt: skip
    command = [sys.executable, str(ROOT / "containers" / "inference" / "server.py")]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True)
    return Server(process=process, url=f"http://127.0.0.1:{port}")


def await_ping(server: Server) -> list[int]:
    """Return the statuses of /ping until it is 200."""
    seen: list[int] = []
    deadline = time.monotonic() + PATIENCE
    while 200 not in seen:
        assert server.process.poll() is None, server.process.communicate()
        assert time.monotonic() < deadline
        try:
            seen.append(requests.get(f"{server.url}/ping", timeout=PATIENCE).status_code)
        except requests.ConnectionError:
            time.sleep(0.05)
    return seen


def end(server: Server) -> None:
    if server.process.poll() is None:
        server.process.kill()
    server.process.communicate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("served") / "model")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    started = start_server(folder)
    try:
        seen = await_ping(started)
        assert set(seen) <= {503, 200}
        yield started
    finally:
        end(started)


def test_embeddings_of_the_served_model(server: Server, folder: Path) -> None:
    texts = ["a man eats food", "the stock fell"]
    answer = server.post({"inputs": texts})
    assert answer.status_code == 200
    np.testing.assert_allclose(answer.json()["embeddings"], SentenceEncoder.load(folder).encode(texts), atol=1e-6)


def test_every_answer_says_which_release_gave_it(server: Server) -> None:
    for answer in (server.post({"inputs": ["a"]}), server.post({}), requests.get(f"{server.url}/ping", timeout=5)):
        attributes = f"weighbridge-version=1.0.0;weighbridge-release={DIGEST}"
        assert answer.headers["X-Amzn-SageMaker-Custom-Attributes"] == attributes
        assert (answer.headers["X-Weighbridge-Version"], answer.headers["X-Weighbridge-Release"]) == ("1.0.0", DIGEST)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "must be"),
        (b'{"inputs": "a"}', "must be"),
        (b'{"inputs": []}', "0 texts"),
        (b'{"inputs": ["a", 1]}', "inputs[1]: not a text"),
        (b'{"inputs": [" "]}', "inputs[0]"),
        (b'{"inputs": ["\\ud800"]}', "inputs[0]"),
        (b'{"inputs": ["a"], "parameters": {}}', "'parameters'"),
        (json.dumps({"inputs": ["a"] * 1025}).encode(), "1025 texts"),
        (b'{"inputs": ["' + b"a" * (7 * 1024 * 1024) + b'"]}', "at most 6291456"),
    ],
)
def test_bad_input_is_one_clear_line(server: Server, body: bytes, said: str) -> None:
    answer = requests.post(f"{server.url}/invocations", data=body, timeout=PATIENCE)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert said in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_labels_when_the_release_carries_a_classifier(tmp_path: Path) -> None:
    folder = write_tiny_bert(tmp_path / "model")
    weights = {name: tiny_weights(seed=3)[name] for name in layer_names(LAYERS - 1)}
    weights |= {"classifier.weight": np.zeros((2, HIDDEN), np.float32), "classifier.bias": np.array([0, 5], np.float32)}
    save_classifier(folder=folder, labels=("s3", "ec2"), weights=weights)
    server = start_server(folder)
    try:
        await_ping(server)
        answer = server.post({"inputs": ["a man", "the stock"]}).json()
    finally:
        end(server)
    assert answer["labels"] == ["ec2", "ec2"]
    assert answer["scores"] == pytest.approx([1 / (1 + np.exp(-5))] * 2, abs=1e-5)


def test_a_model_that_does_not_load_ends_the_process_with_one_line(tmp_path: Path) -> None:
    folder = write_tiny_bert(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"broken")
    server = start_server(folder)
    out, err = server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 1
    (line,) = err.splitlines()
    assert json.loads(line)["rule"] == "input.weights"
    assert out == ""


def test_sigterm_lets_requests_in_flight_finish(folder: Path) -> None:
    server = start_server(folder)
    try:
        await_ping(server)
        statuses: list[int] = []
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=PATIENCE) as slow:
            body = json.dumps({"inputs": ["a man"]}).encode()
            head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
            slow.sendall(head.encode() + body[:5])
            requests.get(f"{server.url}/ping", timeout=PATIENCE)
            server.process.send_signal(signal.SIGTERM)
            closer = threading.Thread(target=lambda: statuses.append(server.process.wait(timeout=PATIENCE)))
            closer.start()
            time.sleep(0.2)
            slow.sendall(body[5:])
            answer = slow.makefile("rb").read()
        closer.join(timeout=PATIENCE)
    finally:
        end(server)
    assert answer.startswith(b"HTTP/1.1 200")
    assert statuses == [0]
