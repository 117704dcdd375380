from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "trust"))

from channel_world import RegistryWorld, channel_world


@pytest.fixture
def served(tmp_path: Path) -> Iterator[RegistryWorld]:
    """The channel `dev` in a registry on loopback."""
    with channel_world(tmp_path) as found:
        yield found
