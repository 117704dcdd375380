"""The demo's world: the servers that run, the identities, and how a user would call the two command lines."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from local.aws.cdk import CdkCli
from local.aws.process import LocalAws
from local.demo.clouds import Clouds
from local.demo.story import DemoError
from local.hub.process import HubProcess
from local.process import ROOT, environment_python
from local.registry.process import RegistryProcess
from local.registry.standard import USERS, standard_config

MODEL = "minilm"
HUB_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
MODEL_FILES = ROOT / ".build" / "models" / "all-MiniLM-L6-v2"

Identity = Literal["scientist", "registrar", "inspector", "promoter", "reader"]


@dataclass(frozen=True, slots=True)
class World:
    """Everything that runs, and where its files lie. `environments` holds the settings files once they are written."""

    folder: Path
    registry: RegistryProcess
    hub: HubProcess
    aws: LocalAws
    clouds: Clouds
    cdk: CdkCli

    @property
    def environments(self) -> Path:
        """The folder of the twin's settings, `NAME.yaml` each."""
        return self.folder / "environments"

    @property
    def keys(self) -> Path:
        """The folder of private keys."""
        return self.folder / "keys"

    def cdk_of(self, environment: str) -> CdkCli:
        """Return the CDK CLI for one environment alone (`-c weighbridge:environment=NAME`): its synth is quicker."""
        return replace(self.cdk, context={**self.cdk.context, "weighbridge:environment": environment})

    def cdk_as_synthesized(self) -> CdkCli:
        """Return the CDK CLI for the templates of the last synth: what it deploys differs by the release id alone."""
        return replace(self.cdk, app=str(self.cdk.folder / "cdk.out"))

    def variables(self, identity: Identity) -> Mapping[str, str]:
        """Return a user's environment: the registry, that identity's token, and the local AWS."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            "JF_URL": self.registry.url.removesuffix("/artifactory"),
            "JF_ACCESS_TOKEN": self.registry.token(identity),
            **self.aws.environment(),
        }

    def weighbridge(self, *arguments: str, identity: Identity, environment: str = "dev") -> dict[str, object]:
        """Run the command line with `--json` and return what it printed.

        Raises:
            DemoError: it ended with another status than 0; the message is its own line.
        """
        done = self.try_weighbridge(*arguments, identity=identity, environment=environment)
        if done.returncode != 0:
            words = " ".join(arguments[:2])
            raise DemoError(f"weighbridge {words} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    def try_weighbridge(
        self, *arguments: str, identity: Identity, environment: str = "dev"
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line with `--json` in one of the environments of the set-up; whatever its status, return it."""
        command = [str(environment_python(environment)), "-m", "weighbridge.cli", *arguments, "--json"]
        return subprocess.run(
            command, cwd=ROOT, env=dict(self.variables(identity)), capture_output=True, text=True, check=False
        )

    def hub_python(self, *arguments: str | Path, variables: Mapping[str, str]) -> str:
        """Run a script as a scientist in the environment that holds frogml and huggingface_hub; return what it printed.

        Raises:
            DemoError: it failed.
        """
        command = [str(environment_python("hub")), *map(str, arguments)]
        environment = {**self.variables("scientist"), **variables}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DemoError(f"{Path(command[1]).name} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        return done.stdout


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """Start hub, registry and local AWS in a fresh `folder`; all are ended at the end, whatever happens."""
    (folder / "home").mkdir(parents=True)
    tokens = {name: secrets.token_urlsafe(24) for name in USERS}
    with ExitStack() as stack:
        hub = stack.enter_context(HubProcess(folder=MODEL_FILES, repository=HUB_MODEL, log=folder / "hub" / "hub.log"))
        registry = stack.enter_context(
            RegistryProcess(folder=folder / "registry", config=standard_config(hub_url=hub.url, tokens=tokens))
        )
        aws = stack.enter_context(LocalAws(folder=folder / "aws"))
        cdk = CdkCli(
            aws=aws,
            folder=folder / "cdk",
            context={"weighbridge:environments": str(folder / "environments"), "weighbridge:layer": "host"},
        )
        yield World(folder=folder, registry=registry, hub=hub, aws=aws, clouds=Clouds(aws), cdk=cdk)
