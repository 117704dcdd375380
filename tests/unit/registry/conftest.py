from __future__ import annotations

from collections.abc import Iterator

import pytest
from registry_world import TOKENS, World

from local.registry.process import RegistryProcess
from local.registry.standard import standard_config


@pytest.fixture(scope="session")
def registry_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    config = standard_config(hub_url=None, tokens=TOKENS)
    with RegistryProcess(folder=tmp_path_factory.mktemp("registry"), config=config) as registry:
        yield registry


@pytest.fixture
def world(registry_process: RegistryProcess) -> Iterator[World]:
    """One registry for all tests, which use paths of their own."""
    yield World(registry=registry_process)
    registry_process.clear_faults()
