from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from contract_target import Place, Target, embedded_target, is_live, live_target

from weighbridge.errors import RegistryNotFoundError


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every contract test runs against the embedded registry, and against a real one where the variables name it."""
    if "target" in metafunc.fixturenames:
        kinds = ["embedded", *([pytest.param("live", marks=pytest.mark.live)] if is_live() else [])]
        metafunc.parametrize("target", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    if request.param == "live":
        yield live_target()
        return
    with embedded_target(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def place(target: Target) -> Iterator[Place]:
    """A folder that no other test writes; it is removed afterwards."""
    folder = f"weighbridge-contract-{secrets.token_hex(6)}"
    yield Place(target=target, folder=folder)
    for repository in (target.generic, target.models, target.copies):
        answer = target.send("DELETE", f"{repository}/{folder}")
        if answer.status_code not in (200, 204, 404):
            raise RegistryNotFoundError(f"{repository}/{folder} could not be removed: {answer.status_code}")
