"""Acceptances and promotions of one release, for tests of the audit."""

from __future__ import annotations

from tests.unit.lineage.lineage_world import promotion as promotion_of
from tests.unit.lineage.lineage_world import release
from tests.unit.promotion.promotion_world import MODEL, NOW
from weighbridge.names import Digest
from weighbridge.resolution import Acceptance, Scope
from weighbridge.trust import Floor, Promotion


def promotion(*, sequence: int) -> Promotion:
    """Return a promotion of a release of MODEL in prod."""
    return promotion_of(release(MODEL), channel="prod", sequence=sequence)


def accept(of: Promotion) -> Acceptance:
    """Return the acceptance of a promotion."""
    return Acceptance(
        scope=Scope(channel=of.channel, model=of.name), release_id=of.release_id, version=of.version,
        release=of.release, image="i@sha256:" + "a" * 64, load_bytes=1, promoted_at=NOW, floor=Floor({"root": 1}),
        root=Digest.of(b"root"), accepted_at=NOW,
    )  # fmt: skip
