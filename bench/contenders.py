"""Who is measured, and how each is started. Every contender writes the same files to a fresh folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.dataset import HUB, MODELS, REVISION, VERSION, Dataset, model_path
from bench.measure import ContenderError, Measured, run_python, run_tool, start_of
from bench.sizes import Shape
from bench.webserver import WebServer

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = Path(__file__).resolve().parent / "clients"
WEIGHBRIDGE = "weighbridge (verified)"
CURL, S5CMD, REQUESTS = "curl", "s5cmd", "requests x8 + sha256 (verified)"
FROGML, HUB_CLIENT = "frogml", "huggingface_hub"


@dataclass(frozen=True, slots=True)
class Job:
    """One model over one scheme into one folder."""

    shape: Shape
    scheme: str
    folder: Path
    scratch: Path
    server: WebServer
    dataset: Dataset

    @property
    def origin(self) -> str:
        """Where the server is."""
        return self.server.origin(self.scheme)

    def url(self, file: str) -> str:
        """URL of one file."""
        return f"{self.origin}/{model_path(self.shape, file)}"


@dataclass(frozen=True, slots=True)
class Interpreters:
    """Python of each environment, and s5cmd."""

    dev: Path = ROOT / ".venv" / "bin" / "python"
    hub: Path = ROOT / ".envs" / "hub" / "bin" / "python"
    plot: Path = ROOT / ".envs" / "bench" / "bin" / "python"
    s5cmd: Path = ROOT / ".envs" / "bench" / "bin" / "s5cmd"


def run(contender: str, job: Job) -> Measured:
    """Run one contender once and check what it left.

    Raises:
        ContenderError: it failed, or left other files.
    """
    shutil.rmtree(job.folder, ignore_errors=True)
    measured = _STARTERS[contender](job)
    found = sum(path.stat().st_size for path in job.folder.rglob("*") if path.is_file() and _is_weight(path))
    if found != job.shape.bytes:
        raise ContenderError(f"left {found} of {job.shape.bytes} bytes")
    shutil.rmtree(job.folder)
    return measured


def _is_weight(path: Path) -> bool:
    return path.name.startswith("part-") and path.suffix == ".safetensors"


def _environment(**more: str) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


def _weighbridge(job: Job) -> Measured:
    manifest = job.dataset.manifests / f"{job.shape.name}.json"
    script = CLIENTS / "pull_weighbridge.py"
    command: list[str | Path] = [Interpreters().dev, script, job.origin, job.server.ca, manifest, job.folder]
    return run_python(command, env=_environment())


def _requests(job: Job) -> Measured:
    manifest = job.dataset.manifests / f"{job.shape.name}.json"
    script = CLIENTS / "pull_requests.py"
    return run_python([Interpreters().dev, script, job.origin, job.server.ca, manifest, job.folder], env=_environment())


def _curl(job: Job) -> Measured:
    job.folder.mkdir(parents=True)
    listed = job.scratch / "curl.txt"
    listed.write_text("".join(f'url="{job.url(name)}"\noutput="{job.folder / name}"\n' for name in job.shape.files))
    parallel = ["--parallel", "--parallel-max", "8", "--parallel-immediate"] if 1 < job.shape.count <= 64 else []
    command = ["curl", "--silent", "--show-error", "--fail", "--cacert", job.server.ca, *parallel, "--config", listed]
    start = _start("curl", "--version", scratch=job.scratch)
    return run_tool([str(part) for part in command], env=_environment(), folder=job.scratch, start=start)


def _s5cmd(job: Job) -> Measured:
    job.folder.mkdir(parents=True)
    listed = job.scratch / "s5cmd.txt"
    # To s5cmd the first segment of the path is a bucket, and nginx a store that knows HEAD and Range.
    keys = ((model_path(job.shape, name), job.folder / name) for name in job.shape.files)
    listed.write_text("".join(f"cp s3://{key} {target}\n" for key, target in keys))
    command: list[str | Path] = [
        Interpreters().s5cmd, "--endpoint-url", job.origin, "--no-sign-request", "--log", "error", "--numworkers", "8",
        *(["--no-verify-ssl"] if job.scheme == "https" else []), "run", listed,
    ]  # fmt: skip
    start = _start(str(Interpreters().s5cmd), "version", scratch=job.scratch)
    return run_tool(command, env=_environment(), folder=job.scratch, start=start)


@cache
def _start(*command: str, scratch: Path) -> Measured:
    return start_of(command, env=_environment(), folder=scratch)


def _frogml(job: Job) -> Measured:
    script = CLIENTS / "pull_frogml.py"
    more = {"JF_URL": job.origin, "JF_ACCESS_TOKEN": "bench", "REQUESTS_CA_BUNDLE": str(job.server.ca)}
    command: list[str | Path] = [Interpreters().hub, script, job.shape.name, VERSION, MODELS, job.folder]
    return run_python(command, env=_environment(**more))


def _hub(job: Job) -> Measured:
    script = CLIENTS / "pull_hub.py"
    more = {
        "HF_ENDPOINT": f"{job.origin}/artifactory/api/huggingfaceml/{HUB}",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HOME": str(job.scratch / "hf"),
        "SSL_CERT_FILE": str(job.server.ca),
    }
    command: list[str | Path] = [Interpreters().hub, script, f"bench/{job.shape.name}", REVISION, job.folder]
    return run_python(command, env=_environment(**more))


_STARTERS = {
    WEIGHBRIDGE: _weighbridge,
    CURL: _curl,
    S5CMD: _s5cmd,
    REQUESTS: _requests,
    FROGML: _frogml,
    HUB_CLIENT: _hub,
}


def missing(contender: str) -> str | None:
    """Return why a contender cannot be measured here, None when it can."""
    found = Interpreters()
    needed = {S5CMD: found.s5cmd, FROGML: found.hub, HUB_CLIENT: found.hub, WEIGHBRIDGE: found.dev, REQUESTS: found.dev}
    if contender == CURL:
        return None if shutil.which("curl") else "curl is not installed"
    return None if needed[contender].exists() else f"{needed[contender].relative_to(ROOT)} is missing"
