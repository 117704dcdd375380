from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.tour_gates import Gatekeeper
from tests.attacks.tour_registry import served
from tests.attacks.tour_world import Tour, make_tour


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    """The estate before any attack."""
    with served() as face:
        yield make_tour(tmp_path_factory.mktemp("tour"), face)


@pytest.fixture
def keeper(built: Tour, tmp_path: Path) -> Gatekeeper:
    """A copy of the estate, with its gates."""
    return Gatekeeper(built.copy(tmp_path))
