from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.promotion.promotion_world import PromotionWorld, make_promotion_world


@pytest.fixture
def world(tmp_path: Path) -> PromotionWorld:
    """Channels dev and prod in memory, nothing registered."""
    return make_promotion_world(tmp_path)
