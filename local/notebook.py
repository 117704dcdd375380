"""The twin for a notebook: a hub, a registry with two channels' settings, and the command line as each identity types it.

Everything lies in one temporary folder, which is the working folder of every command, so that nothing printed names a
path of the machine.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from local.hub.process import HubProcess
from local.process import ROOT, environment_python
from local.registry.process import RegistryProcess
from local.registry.standard import HUB, INCOMING, USERS, models_repository, records_repository, standard_config
from local.registry.tamper import flip_byte
from weighbridge.trust import generate_key_file

MODEL = "minilm"
HUB_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
MODEL_FILES = ROOT / ".build" / "models" / "all-MiniLM-L6-v2"
KEYS = ("root", "targets", "promoter", "revocations", "online")
Identity = Literal["scientist", "registrar", "promoter", "reader"]


class Twin:
    """Running servers, key files, and the settings of `dev` and `prod`. `stop` ends and removes all of it.

    The servers end with this process too, however it ends.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="weighbridge-twin-"))
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the servers and remove the folder."""
        self._stack.close()

    @property
    def hub_endpoint(self) -> str:
        """What HF_ENDPOINT is set to: the registry's proxy, never the hub."""
        return f"{self.registry.url}/api/huggingfaceml/{HUB}"

    @property
    def revision(self) -> str:
        """The base model's pinned commit."""
        return self.hub.revision

    def token(self, identity: Identity) -> str:
        """The registry token of one identity; never print it."""
        return self.registry.token(identity)

    def settings(self, environment: str) -> Path:
        """The settings file of `dev` or `prod`."""
        return self.folder / "environments" / f"{environment}.yaml"

    def sh(self, line: str, *, identity: Identity, status: int = 0) -> None:
        """Run a `weighbridge` command line as a user would type it, and print the line and what it said.

        Raises:
            RuntimeError: it ended with another status than `status`.
        """
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [str(environment_python("hub")), "-m", "weighbridge.cli", *shlex.split(line)[1:]],
            cwd=self.folder,
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "LANG": "C.UTF-8",
                "COLUMNS": "120",
                "HOME": str(home),
                "JF_ACCESS_TOKEN": self.token(identity),
                "WEIGHBRIDGE_STATE": str(self.folder / "state"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        ended = f"(exit status {done.returncode})\n" if done.returncode else ""
        sys.stdout.write(f"$ {line}\n{done.stdout}{done.stderr}{ended}\n")
        if done.returncode != status:
            raise RuntimeError(
                f"{line}: ended with {done.returncode}, expected {status}: {done.stderr.strip()[-2000:]}"
            )

    def flip_byte(self, *, channel: str, path: str) -> None:
        """Flip one byte of a stored file, as a failing disk or an intruder would."""
        flip_byte(folder=self.registry.folder, repository=models_repository(channel), path=path)

    def _start(self) -> None:
        self.hub = HubProcess(folder=MODEL_FILES, repository=HUB_MODEL, log=self.folder / "hub.log")
        self._stack.enter_context(self.hub)
        tokens = {user: secrets.token_urlsafe(24) for user in USERS}
        config = standard_config(hub_url=self.hub.url, tokens=tokens)
        self.registry = RegistryProcess(folder=self.folder / "registry", config=config)
        self._stack.enter_context(self.registry)
        (self.folder / "environments").mkdir()
        (self.folder / "keys").mkdir()
        for name in ("registrar", *(f"{channel}-{key}" for channel in ("dev", "prod") for key in KEYS)):
            generate_key_file(self.folder / "keys" / f"{name}.pem")
        for environment, promote_from in (("dev", None), ("prod", "dev")):
            self.settings(environment).write_text(self._settings(environment, promote_from), encoding="utf-8")

    def _settings(self, environment: str, promote_from: str | None) -> str:
        first = f"  incoming_repository: {INCOMING}\n  hub_repository: {HUB}\n" if promote_from is None else ""
        key = f"file:keys/{environment}"
        return f"""\
environment: {environment}
account: "111111111111"
region: eu-central-1
channel:
  name: {environment}
  root_digest: sha256:{"0" * 64}
  promote_from: {promote_from or "null"}
registry:
  url: {self.registry.url}
  models_repository: {models_repository(environment)}
  records_repository: {records_repository(environment)}
{first}  credentials:
    secret_id: weighbridge/{environment}/reader
network:
  create:
    cidr: 10.40.0.0/16
    availability_zones: [eu-central-1a, eu-central-1b]
models:
  - name: {MODEL}
    endpoint:
      instance_type: ml.c6i.xlarge
trust:
  ledger: sqlite:ledger.sqlite
  keys:
    root: [{key}-root.pem]
    targets: {key}-targets.pem
    promoters: [{key}-promoter.pem]
    registrar: file:keys/registrar.pem
    revocations: {key}-revocations.pem
    snapshot: {key}-online.pem
    timestamp: {key}-online.pem
"""
