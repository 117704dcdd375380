"""A local SageMaker with containers that behave as their model's environment says."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from local.sagemaker.api import application
from local.sagemaker.host import Timing
from local.sagemaker.images import Image
from local.sagemaker.invocation import Invocation
from local.sagemaker.logs import LogSink
from local.sagemaker.service import LocalSageMaker, no_log
from local.sagemaker.shapes import Json, JsonObject

ROLE = "arn:aws:iam::000000000000:role/endpoint"
FAST = Timing(
    time_scale=0.001,
    startup_scale=0.5,
    grace_seconds=10.0,
    training_grace_seconds=0.3,
    close_seconds=0.5,
    start_attempts=2,
    restarts=2,
    poll_seconds=0.02,
)

SERVE = """
import json, os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

mode = os.environ.get("MODE", "")
print("starting", mode, flush=True)
if mode == "refuse":
    print('{"event": "refused", "rule": "refused.integrity"}', file=sys.stderr, flush=True)
    sys.exit(4)
if mode == "ignore-sigterm":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
ready_file = os.environ.get("READY_WHEN")

def crash_when(file):
    while not Path(file).exists():
        time.sleep(0.01)
    os._exit(9)

if "CRASH_WHEN" in os.environ:
    threading.Thread(target=crash_when, args=[os.environ["CRASH_WHEN"]], daemon=True).start()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        ready = ready_file is None or Path(ready_file).exists()
        self.answer(200 if mode != "never-ready" and ready else 503, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if body == b"crash":
            os._exit(9)
        if body == b"environment":
            body = json.dumps(dict(os.environ)).encode()
        if body == b"headers":
            body = json.dumps(dict(self.headers)).encode()
        if body.startswith(b"status "):
            return self.answer(int(body[7:]), b"said by the model")
        if body == b"wait":
            Path(os.environ["ARRIVED"]).touch()
            while not Path(os.environ["RELEASE"]).exists():
                time.sleep(0.01)
        self.answer(200, body, {"X-Amzn-SageMaker-Custom-Attributes": os.environ.get("VERSION", "none")})

    def answer(self, status, body, headers={}):
        self.send_response(status)
        for name, value in {"Content-Type": "text/x-fake", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer((os.environ["WEIGHBRIDGE_BIND_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler)
if mode != "ignore-sigterm":
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever(poll_interval=0.02)
server.server_close()
print("stopped gracefully", flush=True)
"""


def fake_image(folder: Path, script: str = SERVE, *, name: str = "fake") -> Image:
    """An image of one script, built from `folder`/NAME."""
    source = folder / "sources" / name
    source.mkdir(parents=True, exist_ok=True)
    (source / "entry.py").write_text(script, encoding="utf-8")
    return Image(
        repository=name, source=source, paths=("entry.py",), interpreter=Path(sys.executable), entry_point="entry.py"
    )


def variant(model: str, **changes: Json) -> JsonObject:
    """A production variant of one instance."""
    return {
        "VariantName": "primary",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
        "ContainerStartupHealthCheckTimeoutInSeconds": 60,
        **changes,
    }


class World:
    """The service with the fake image, and what most tests do with it."""

    def __init__(self, folder: Path, *, timing: Timing = FAST, log: LogSink = no_log) -> None:
        self.folder = folder
        self.image = fake_image(folder)
        self.service = LocalSageMaker(
            folder=folder / "sagemaker",
            images=[self.image],
            environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_DEFAULT_REGION": "eu-central-1"},
            log=log,
            timing=timing,
        )

    def add_config(self, name: str, *, environment: dict[str, str] | None = None, **changes: Json) -> None:
        """A model and a config, both called `name`, whose container says `name` as its version."""
        self.service.call(
            "CreateModel",
            {
                "ModelName": name,
                "ExecutionRoleArn": ROLE,
                "PrimaryContainer": {
                    "Image": self.image.reference,
                    "Environment": {"VERSION": name, **(environment or {})},
                },
            },
        )
        self.service.call(
            "CreateEndpointConfig", {"EndpointConfigName": name, "ProductionVariants": [variant(name, **changes)]}
        )

    def serve(self, config: str, *, endpoint: str = "e") -> str:
        """Create an endpoint and wait for it; returns its status."""
        self.service.call("CreateEndpoint", {"EndpointName": endpoint, "EndpointConfigName": config})
        return self.service.wait_endpoint(endpoint)

    def update(self, config: str, *, endpoint: str = "e", **more: Json) -> str:
        """Update an endpoint and wait for it; returns its status."""
        self.service.call("UpdateEndpoint", {"EndpointName": endpoint, "EndpointConfigName": config, **more})
        return self.service.wait_endpoint(endpoint)

    def describe(self, endpoint: str = "e") -> JsonObject:
        """DescribeEndpoint."""
        return self.service.call("DescribeEndpoint", {"EndpointName": endpoint})

    def version(self, endpoint: str = "e") -> str | None:
        """Which config answers."""
        return self.service.invoke_endpoint(endpoint, Invocation(body=b"hello")).custom_attributes

    def log(self, endpoint: str = "e") -> list[str]:
        """Every line of the endpoint's log group."""
        return self.service.logs.lines(f"/aws/sagemaker/Endpoints/{endpoint}")

    def environment(self, endpoint: str = "e") -> dict[str, str]:
        """A container's environment, as it tells it."""
        found: dict[str, str] = json.loads(self.service.invoke_endpoint(endpoint, Invocation(body=b"environment")).body)
        return found


def wait_for(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Wait until `condition` holds; fails when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


@contextmanager
def served(service: LocalSageMaker) -> Iterator[str]:
    """Both APIs on a free port; yields the address."""
    server = uvicorn.Server(
        uvicorn.Config(application(service), host="127.0.0.1", port=0, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
