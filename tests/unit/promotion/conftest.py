from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.promotion.promotion_world import PromotionWorld, make_promotion_world


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> PromotionWorld:
    """Channels dev and prod as they were founded: made once, and copied for each test."""
    return make_promotion_world(tmp_path_factory.mktemp("founded"))


@pytest.fixture
def world(founded: PromotionWorld, tmp_path: Path) -> PromotionWorld:
    """Channels dev and prod in memory, nothing registered."""
    return founded.copied_to(tmp_path)
