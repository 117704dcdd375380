"""The registry that the contract suite runs against: the embedded one, or a real Artifactory named by variables."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from local.registry.process import RegistryProcess
from local.registry.standard import USERS, standard_config
from weighbridge.registry import ArtifactoryClient, StaticToken

LIVE_URL = "WEIGHBRIDGE_LIVE_ARTIFACTORY_URL"
LIVE_TOKEN = "WEIGHBRIDGE_LIVE_ARTIFACTORY_TOKEN"
LIVE_WRITER = "WEIGHBRIDGE_LIVE_WRITER_TOKEN"
LIVE_READER = "WEIGHBRIDGE_LIVE_READER_TOKEN"
LIVE_GENERIC = "WEIGHBRIDGE_LIVE_GENERIC_REPOSITORY"
LIVE_MODELS = "WEIGHBRIDGE_LIVE_MODELS_REPOSITORY"
LIVE_TARGET = "WEIGHBRIDGE_LIVE_TARGET_REPOSITORY"


def is_live() -> bool:
    """Whether the variables name a real Artifactory."""
    return bool(os.environ.get(LIVE_URL))


@dataclass(frozen=True, slots=True)
class Target:
    """One registry.

    `owner` may do all in the three repositories; `writer` may read and deploy but not overwrite or delete; `reader` may
    read alone. `generic` is of type generic, `models` and `copies` of type machinelearning.
    """

    url: str
    owner: str
    writer: str
    reader: str
    generic: str
    models: str
    copies: str

    def client(self, token: str | None = None) -> ArtifactoryClient:
        """A client with the owner's token, or another."""
        return ArtifactoryClient(url=self.url, tokens=StaticToken(token=token or self.owner))

    def send(
        self, method: str, path: str, *, token: str | None = None, data: bytes | None = None, **headers: str
    ) -> requests.Response:
        """Send one raw request; header names are written with `_` for `-`. A redirect is answered, not followed."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(
            method,
            f"{self.url}/{path}",
            data=data,
            headers={"Authorization": f"Bearer {token or self.owner}", "Accept-Encoding": "identity", **named},
            timeout=60,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of its own for one test: the same path in every repository."""

    target: Target
    folder: str

    def at(self, path: str) -> str:
        """A path below the folder."""
        return f"{self.folder}/{path}"

    def put(self, path: str, data: bytes, *, repository: str | None = None) -> str:
        """Deploy a file and return its path inside the repository."""
        self.target.client().deploy_bytes(
            repository=repository or self.target.generic, path=self.at(path), data=data, overwrite=True
        )
        return self.at(path)


def live_target() -> Target:
    """The Artifactory that the variables name; KeyError for one that is missing."""
    return Target(
        url=os.environ[LIVE_URL].rstrip("/"),
        owner=os.environ[LIVE_TOKEN],
        writer=os.environ[LIVE_WRITER],
        reader=os.environ[LIVE_READER],
        generic=os.environ[LIVE_GENERIC],
        models=os.environ[LIVE_MODELS],
        copies=os.environ[LIVE_TARGET],
    )


@contextmanager
def embedded_target(folder: Path) -> Iterator[Target]:
    """The embedded registry with the repositories and identities of docs/architecture.md."""
    tokens = {user: secrets.token_hex(16) for user in USERS}
    with RegistryProcess(folder=folder, config=standard_config(hub_url=None, tokens=tokens)) as registry:
        yield Target(
            url=registry.url,
            owner=tokens["admin"],
            writer=tokens["promoter"],
            reader=tokens["reader"],
            generic="weighbridge-dev-local",
            models="ml-dev-local",
            copies="ml-prod-local",
        )
