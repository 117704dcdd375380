"""One fresh local SageMaker a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_sagemaker_world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.service.close()
