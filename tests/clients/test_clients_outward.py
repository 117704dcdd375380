"""The real clients under a private authority and behind a proxy: what weighbridge tells a container is all that they need."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from client_world import MODEL, Clients, contents
from tls_front import TlsFront, fronting

from local.process import environment_python
from local.registry.standard import HUB, INCOMING
from tests.integration.pull.connect_proxy import ConnectProxy, proxying
from tests.integration.pull.private_authority import PrivateAuthority
from weighbridge.authorities import trusting_variables

HOST = "registry.weighbridge.test"
SECRETS = "secretsmanager.eu-central-1.amazonaws.com"
SNAPSHOT = """
from huggingface_hub import snapshot_download
print(json.dumps(snapshot_download(ARGS[0], revision="main", local_dir=ARGS[1])))
"""
INFO = """
from huggingface_hub import HfApi
print(json.dumps(HfApi().model_info(ARGS[0]).sha))
"""
FROGML = """
from frogml.storage.frog_ml import FrogMLStorage
kind = dict(framework="files", framework_version="1", serialization_format="pretrained_model",
            runtime="python", runtime_version="3.11.7")
storage = FrogMLStorage()
storage.upload_model_version(repository=ARGS[0], model_name="outward", model_path=ARGS[1], model_type=kind,
    version="1.0", properties={})
storage.download_model_version(repository=ARGS[0], model_name="outward", version="1.0", target_path=ARGS[2])
print(json.dumps("done"))
"""
BOTO3 = """
import boto3, botocore.config
config = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)
client = boto3.client("secretsmanager", region_name="eu-central-1", config=config)
print(json.dumps(client.get_secret_value(SecretId="token")["SecretString"]))
"""


@dataclass
class Outside:
    """The registry and a service of AWS behind the proxy, and how a container is told of them."""

    clients: Clients
    authority: PrivateAuthority
    proxy: ConnectProxy
    registry: TlsFront
    home: Path

    def run(self, script: str, *arguments: str | Path, **changed: str) -> subprocess.CompletedProcess[str]:
        token = self.clients.registry.token("scientist")
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "HF_ENDPOINT": f"https://{HOST}/artifactory/api/huggingfaceml/{HUB}",
            "HF_TOKEN": token,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "JF_URL": f"https://{HOST}",
            "JF_ACCESS_TOKEN": token,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example",
            "HTTPS_PROXY": self.proxy.url,
            "NO_PROXY": "127.0.0.1,localhost,169.254.169.254,169.254.170.2,s3.eu-central-1.amazonaws.com",
            **trusting_variables(self.authority.path),
            **changed,
        }
        command = [str(environment_python("hub")), "-c", f"import json, sys\nARGS = sys.argv[1:]\n{script}"]
        return subprocess.run(
            [*command, *map(str, arguments)], env=environ, capture_output=True, text=True, timeout=120, check=False
        )

    def check_proxy(self, *hosts: str) -> None:
        """The proxy opened ways to these hosts, and read neither token nor key."""
        assert set(self.proxy.opened) == {f"{host}:443" for host in hosts}
        read = b"".join(self.proxy.heads) + bytes(self.proxy.sent)
        assert b"authorization" not in b"".join(self.proxy.heads).lower()
        assert self.clients.registry.token("scientist").encode() not in read
        assert b"AKIAEXAMPLE" not in read


@pytest.fixture
def outside(clients: Clients, tmp_path: Path) -> Iterator[Outside]:
    authority = PrivateAuthority(tmp_path)
    port = urlsplit(clients.registry.url).port or 0
    with (
        fronting(authority.server_context(HOST), target=port) as registry,
        proxying({f"{HOST}:443": registry.port}) as proxy,
    ):
        yield Outside(clients=clients, authority=authority, proxy=proxy, registry=registry, home=tmp_path / "home")


def test_huggingface_hub_takes_the_way(outside: Outside, model: Path, tmp_path: Path) -> None:
    ran = outside.run(SNAPSHOT, MODEL, tmp_path / "target")
    assert ran.returncode == 0, ran.stderr
    assert contents(tmp_path / "target") == contents(model)
    outside.check_proxy(HOST)


def test_frogml_takes_the_way_both_ways(outside: Outside, model: Path, tmp_path: Path) -> None:
    outside.home.mkdir()
    ran = outside.run(FROGML, INCOMING, model, tmp_path / "target")
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "target" / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    outside.check_proxy(HOST)


def test_boto3_takes_the_way_where_no_endpoint_is_named(outside: Outside, tmp_path: Path) -> None:
    with (
        answering_secrets() as plain,
        fronting(outside.authority.server_context(SECRETS), target=plain) as service,
    ):
        outside.proxy.hosts = {f"{SECRETS}:443": service.port}
        ran = outside.run(BOTO3)
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout) == "kept"
        outside.check_proxy(SECRETS)


def test_no_client_trusts_another_authority(outside: Outside, model: Path, tmp_path: Path) -> None:
    other = trusting_variables(PrivateAuthority(tmp_path, name="another authority").path)
    outside.home.mkdir()
    refused = outside.run(INFO, MODEL, **other)
    assert refused.returncode != 0
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr
    assert outside.run(FROGML, INCOMING, model, tmp_path / "target", **other).returncode != 0
    assert outside.registry.connections == 0
    assert not (tmp_path / "target" / "model.safetensors").exists()


@contextlib.contextmanager
def answering_secrets() -> Iterator[int]:
    """A plain server that answers every POST as Secrets Manager does; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"ARN": "a", "Name": "token", "SecretString": "kept"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
