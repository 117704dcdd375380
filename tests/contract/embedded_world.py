"""An embedded registry for tests of what it does beyond the contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import requests

from local.registry.config import Permission, RegistryConfig
from local.registry.process import RegistryProcess
from local.registry.standard import USERS, standard_config
from weighbridge.registry import ArtifactoryClient, Retries, StaticToken, Timeouts

TOKENS = {user: f"token-of-{user}" for user in USERS}
MODELS, RECORDS, OTHER = "ml-dev-local", "weighbridge-dev-local", "ml-prod-local"


def config(*permissions: Permission, hub_url: str | None = None) -> RegistryConfig:
    """The standard configuration with further permissions."""
    found = standard_config(hub_url=hub_url, tokens=TOKENS)
    return replace(found, permissions=(*found.permissions, *permissions))


@contextmanager
def running(folder: Path) -> Iterator[RegistryProcess]:
    with RegistryProcess(folder=folder, config=config()) as registry:
        yield registry


def client(
    registry: RegistryProcess, user: str = "admin", *, attempts: int = 3, read: float = 30.0
) -> ArtifactoryClient:
    """A client that waits for nothing between attempts."""
    return ArtifactoryClient(
        url=registry.url,
        tokens=StaticToken(token=TOKENS[user]),
        retries=Retries(attempts=attempts),
        timeouts=Timeouts(connect=5.0, read=read),
        sleep=lambda seconds: None,
    )


def send(
    registry: RegistryProcess, method: str, path: str, *, user: str = "admin", **more: object
) -> requests.Response:
    """One raw request."""
    headers = {"Authorization": f"Bearer {TOKENS[user]}", "Accept-Encoding": "identity"}
    return requests.request(
        method, f"{registry.url}/{path}", headers=headers, timeout=30, allow_redirects=False, **more
    )
