from __future__ import annotations

from pathlib import Path

import pytest
from trust_world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A channel `dev` with one model and one promoter."""
    return make_world(tmp_path)
