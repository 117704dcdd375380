"""One registry, hub and channel for all of the doctor's tests; each test looks at it in its own way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.hub.process import HubProcess
from tests.clients.doctor.doctor_clinic import HUB_MODEL, Clinic, settings_for
from tests.promoted_registry import promoted_registry


@pytest.fixture(scope="session")
def shared_clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    folder = tmp_path_factory.mktemp("clinic")
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_bytes(b'{"hidden_size": 384}')
    (model / "model.safetensors").write_bytes(b"weights" * 1000)
    with (
        HubProcess(folder=model, repository=HUB_MODEL, log=folder / "hub.log") as hub,
        promoted_registry(folder, channel="dev", hub_url=hub.url) as world,
    ):
        world.promote(model)
        yield Clinic(world, settings_for(world, folder))


@pytest.fixture
def clinic(shared_clinic: Clinic) -> Iterator[Clinic]:
    """The healthy set-up; faults and permissions that a test adds are gone afterwards."""
    registry = shared_clinic.world.registry
    config = registry.config
    yield shared_clinic
    registry.clear_faults()
    if registry.config != config:
        registry.stop()
        registry.config = config
        registry.start()
