"""A registry process, two environments with key files, and the command line as each identity would run it."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from local.process import environment_python
from local.registry.process import RegistryProcess
from local.registry.standard import INCOMING, USERS, models_repository, records_repository, standard_config
from tests.integration.cli.frogml_protocol import FrogmlProtocol
from weighbridge.canonical import JsonObject
from weighbridge.cli.run import run
from weighbridge.registration import JobRecord, upload
from weighbridge.registry import ArtifactoryClient, Retries, StaticToken

ACCOUNT = "123456789012"
REGION = "eu-central-1"
MODEL = "minilm"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/serve@sha256:" + "a" * 64
LOCK = "sha256:" + "b" * 64
TOKENS = {user: f"token-of-{user}-0123456789" for user in USERS}
KEYS = ("root", "targets", "promoter", "registrar", "revocations", "online")
UNPINNED = "sha256:" + "0" * 64


@dataclass(frozen=True)
class Outcome:
    """What one command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> JsonObject:
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document

    @property
    def line(self) -> str:
        """The one line of an error."""
        (line,) = self.err.splitlines()
        assert line.startswith("weighbridge: ")
        return line

    def ok(self) -> Outcome:
        assert self.status == 0, self.err
        return self


@dataclass
class World:
    """Everything a test of the command line needs."""

    folder: Path
    registry: RegistryProcess

    @property
    def environments(self) -> Path:
        return self.folder / "environments"

    def cli(self, *arguments: str, user: str | None = None, token: str | None = None, **variables: str) -> Outcome:
        """Run one command in this process, as `user`."""
        chosen = token or (TOKENS[user] if user is not None else None)
        out, err = io.StringIO(), io.StringIO()
        kept = {name: value for name, value in os.environ.items() if name != "JF_ACCESS_TOKEN"}
        kept |= {"WEIGHBRIDGE_STATE": str(self.folder / "state"), **variables}
        if chosen is not None:
            kept["JF_ACCESS_TOKEN"] = chosen
        with (
            mock.patch.dict(os.environ, kept, clear=True),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch("weighbridge.registry.client.Retries", functools.partial(Retries, base=0.001)),
        ):
            status = run(arguments)
        return Outcome(status=status, out=out.getvalue(), err=err.getvalue())

    def hub(self, *arguments: str, user: str) -> Outcome:
        """Run one command in the environment that has frogml."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [str(environment_python("hub")), "-m", "weighbridge.cli", *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "JF_ACCESS_TOKEN": TOKENS[user]},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Outcome(status=done.returncode, out=done.stdout, err=done.stderr)

    def client(self, user: str) -> ArtifactoryClient:
        return ArtifactoryClient(
            url=self.registry.url, tokens=StaticToken(token=TOKENS[user]), retries=Retries(attempts=1)
        )

    def write_settings(self, environment: str, *, promote_from: str | None, **changes: str) -> Path:
        self.environments.mkdir(exist_ok=True)
        path = self.environments / f"{environment}.yaml"
        incoming = f"  incoming_repository: {INCOMING}\n" if promote_from is None else ""
        text = f"""\
environment: {environment}
account: "{ACCOUNT}"
region: {REGION}
channel:
  name: {environment}
  root_digest: {UNPINNED}
  promote_from: {promote_from or "null"}
registry:
  url: {self.registry.url}
  models_repository: {models_repository(environment)}
  records_repository: {records_repository(environment)}
{incoming}  credentials:
    secret_id: weighbridge/{environment}/reader
network:
  create:
    cidr: 10.40.0.0/16
    availability_zones: [{REGION}a, {REGION}b]
models:
  - name: {MODEL}
    endpoint:
      instance_type: ml.c6i.xlarge
trust:
  ledger: sqlite:{self.folder}/ledger.sqlite
  keys:
    root: [file:{self.folder}/keys/{environment}-root.pem]
    targets: file:{self.folder}/keys/{environment}-targets.pem
    promoters: [file:{self.folder}/keys/{environment}-promoter.pem]
    registrar: file:{self.folder}/keys/registrar.pem
    revocations: file:{self.folder}/keys/{environment}-revocations.pem
    snapshot: file:{self.folder}/keys/{environment}-online.pem
    timestamp: file:{self.folder}/keys/{environment}-online.pem
"""
        for old, new in changes.items():
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        return path

    def found_channels(self) -> None:
        """Make the keys and found the channels dev and prod, as an owner would type it."""
        self.cli("channel", "keygen", "keys/registrar.pem", "--scheme", "ecdsa-sha2-nistp256").ok()
        for environment, before in (("dev", None), ("prod", "dev")):
            for key in KEYS:
                if key != "registrar":
                    self.cli("channel", "keygen", f"keys/{environment}-{key}.pem").ok()
            self.write_settings(environment, promote_from=before)
            arguments = ("channel", "init", "--env", environment, "--update-settings")
            self.cli(*arguments, user="promoter").ok()

    def upload_quickly(self, version: str, files: Mapping[str, bytes] | None = None) -> None:
        """Upload a version over frogml's protocol, without its start-up time."""
        upload(
            folder=self._model(version, files or files_of(version)), name=MODEL, version=version, repository=INCOMING,
            record=JobRecord(), client=self.client("scientist"), token="",
            storage=FrogmlProtocol(url=self.registry.url, token=TOKENS["scientist"]),
        )  # fmt: skip

    def upload(self, version: str, files: Mapping[str, bytes]) -> Outcome:
        """Upload a version with the real frogml, as a scientist would type it."""
        model = self._model(version, files)
        return self.hub(
            "upload", str(model), f"{MODEL}:{version}", "--env", "dev", "--base-model", f"org/base@{'c' * 40}",
            "--parameter", "learning_rate=0.0002", "--parameter", "note=two words", "--metric", "accuracy=0.91", "--json",
            user="scientist",
        )  # fmt: skip

    def _model(self, version: str, files: Mapping[str, bytes]) -> Path:
        model = self.folder / f"model-{version}"
        for path, data in files.items():
            (model / path).parent.mkdir(parents=True, exist_ok=True)
            (model / path).write_bytes(data)
        return model

    def register(self, version: str, *more: str) -> Outcome:
        return self.cli(
            "register", f"{MODEL}:{version}", "--env", "dev", "--image", IMAGE, "--lock", LOCK, "--json", *more,
            user="registrar",
        )  # fmt: skip


def files_of(version: str) -> dict[str, bytes]:
    return {
        "model.safetensors": f"weights of {version} ".encode() * 4000,
        "1_Pooling/config.json": b"{}",
        "config.json": version.encode(),
    }


def start_registry(folder: Path) -> RegistryProcess:
    return RegistryProcess(folder=folder, config=standard_config(hub_url=None, tokens=TOKENS))
