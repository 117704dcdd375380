"""nginx from Debian's packages, on two free ports of loopback: HTTP and HTTPS."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.dataset import HUB, MODELS, REVISION, VERSION, Dataset

_CONFIG = """
user {user}; daemon off; worker_processes {workers}; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000; default_type application/octet-stream;
  client_body_temp_path {folder}/tmp1; proxy_temp_path {folder}/tmp2; fastcgi_temp_path {folder}/tmp3;
  uwsgi_temp_path {folder}/tmp4; scgi_temp_path {folder}/tmp5;
  map_hash_max_size 16384; map_hash_bucket_size 256;
  map $uri $sha256 {{ default ""; include {digests}; }}
  server {{
    listen 127.0.0.1:{http} backlog=512; listen 127.0.0.1:{https} ssl backlog=512;
    ssl_certificate {folder}/loopback.pem; ssl_certificate_key {folder}/loopback.key;
    root {root};
    add_header X-Checksum-Sha256 $sha256;
    location ~ ^/artifactory/api/huggingfaceml/{hub}/bench/([a-z]+)/resolve/{revision}/(.+)$ {{
      alias {root}/artifactory/{models}/models/$1/{version}/$2;
      add_header X-Repo-Commit {revision};
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class WebServer:
    """`http` and `https` are origins; `ca` is the certificate to trust."""

    http: str
    https: str
    ca: Path
    pid: int

    def origin(self, scheme: str) -> str:
        """Return the origin for a scheme."""
        return self.https if scheme == "https" else self.http

    def cpu_seconds(self) -> float:
        """CPU seconds that its workers have used (Linux's schedstat counts nanoseconds, stat only hundredths)."""
        used = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = path.read_text().rpartition(")")[2].split()[1]
                if str(self.pid) in (parent, path.parent.name):
                    used += int((path.parent / "schedstat").read_text().split()[0])
            except OSError:
                continue
        return used / 1e9


def find_nginx() -> str:
    """Return the path of nginx.

    Raises:
        RuntimeError: it is not installed.
    """
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if nginx is None:
        raise RuntimeError("nginx is missing: install it (Debian: apt-get update && apt-get install -y nginx-light)")
    return nginx


@contextmanager
def serving(folder: Path, dataset: Dataset) -> Iterator[WebServer]:
    """Run nginx until the block is left.

    Raises:
        RuntimeError: nginx is not installed, or does not start.
    """
    nginx = find_nginx()
    _certificate(folder)
    http, https = _free_ports(2)
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            user=pwd.getpwuid(os.getuid()).pw_name, workers=len(os.sched_getaffinity(0)), folder=folder, digests=dataset.digests, http=http, https=https, root=dataset.root,
            hub=HUB, revision=REVISION, models=MODELS, version=VERSION,
        )
    )  # fmt: skip
    process = subprocess.Popen([nginx, "-c", config, "-p", folder], stderr=subprocess.DEVNULL)
    try:
        _wait(process, http, log=folder / "error.log")
        origin = "://127.0.0.1:"
        yield WebServer(f"http{origin}{http}", f"https{origin}{https}", folder / "loopback.pem", process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(process: subprocess.Popen[bytes], port: int, *, log: Path) -> None:
    for _ in range(500):
        if process.poll() is not None:
            raise RuntimeError(f"nginx does not start: {log.read_text()[-400:] if log.exists() else 'no log'}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("nginx does not answer")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [item.getsockname()[1] for item in sockets]
    finally:
        for item in sockets:
            item.close()


def _certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=loopback",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "loopback.key", "-out", folder / "loopback.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
