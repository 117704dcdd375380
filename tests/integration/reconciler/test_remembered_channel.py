"""The reconciler's view of a channel: as the registry has it, and through an outage as it was last seen, until it expires."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "unit"
for helpers in ("trust", "verification", "admission"):
    sys.path.insert(0, str(UNIT / helpers))

from channel_world import LAYOUT, RegistryWorld, channel_world  # noqa: E402
from guard_world import Memory  # noqa: E402
from trust_world import MODEL, NOW  # noqa: E402

from weighbridge.errors import RegistryUnavailableError, TrustError  # noqa: E402
from weighbridge.reconciliation import RememberedChannel  # noqa: E402
from weighbridge.resolution import FolderMetadata  # noqa: E402


@pytest.fixture
def served(tmp_path: Path) -> Iterator[RegistryWorld]:
    with channel_world(tmp_path / "channel") as found:
        yield found


def channel(served: RegistryWorld, folder: Path) -> RememberedChannel:
    return RememberedChannel(
        client=served.client(),
        layout=LAYOUT,
        root=served.world.root,
        metadata=FolderMetadata(folder=folder),
        acceptances=Memory(acceptances=()),
    )


def test_a_revocation_is_seen_and_stays_seen_while_the_registry_is_down(served: RegistryWorld, tmp_path: Path) -> None:
    promoted = served.publish(served.release("1.0.0"))
    read = channel(served, tmp_path / "memory")
    assert not read(MODEL, NOW).is_revoked(promoted.release)
    served.revoke(promoted.release)
    state = read(MODEL, NOW)
    assert (state.kept, state.is_revoked(promoted.release)) == (False, True)
    served.registry.stop()
    kept = read(MODEL, NOW + timedelta(hours=1))
    assert (kept.kept, kept.is_revoked(promoted.release)) == (True, True)
    assert kept.head(MODEL) == promoted


def test_what_was_seen_does_not_count_after_its_expiry(served: RegistryWorld, tmp_path: Path) -> None:
    served.publish(served.release("1.0.0"))
    read = channel(served, tmp_path / "memory")
    expires = read(MODEL, NOW).expires
    served.registry.stop()
    with pytest.raises(TrustError) as refused:
        read(MODEL, expires + timedelta(seconds=1))
    assert refused.value.rule == "refused.expired"


def test_without_memory_an_outage_is_an_error(served: RegistryWorld, tmp_path: Path) -> None:
    served.publish(served.release("1.0.0"))
    served.registry.stop()
    with pytest.raises(RegistryUnavailableError):
        channel(served, tmp_path / "memory")(MODEL, NOW)
