from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from client_world import MODEL, Clients, client_config, write_model

from local.hub.process import HubProcess
from local.registry.process import RegistryProcess


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def hub(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub that serves the small model."""
    with HubProcess(folder=model, repository=MODEL, log=tmp_path_factory.mktemp("hub") / "hub.log") as found:
        yield found


@pytest.fixture(scope="session")
def session_clients(hub: HubProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    config = client_config(hub_url=hub.url)
    with RegistryProcess(folder=tmp_path_factory.mktemp("registry"), config=config) as registry:
        yield Clients(registry=registry, home=tmp_path_factory.mktemp("home"))


@pytest.fixture
def clients(session_clients: Clients) -> Iterator[Clients]:
    """The real clients against one registry for all tests, which use names of their own."""
    yield session_clients
    session_clients.registry.clear_faults()
