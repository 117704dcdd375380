"""Signed metadata as an attacker with stolen keys publishes it: the next version of a role, sealed by the online keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, Snapshot, Targets, Timestamp

from tests.attacks.tour_world import NOW, Tour
from weighbridge.canonical import Json
from weighbridge.trust import RoleKeys
from weighbridge.trust.publisher import meta_file

Document = dict[str, Json]


def forge(
    tour: Tour,
    channel: str,
    role: str,
    *,
    signers: Iterable[Signer],
    edit: Callable[[Targets], None] = lambda signed: None,
    change: Callable[[Document], None] = lambda document: None,
) -> None:
    """Publish the next version of a role, whose content `edit` and whose signed file `change` alter."""
    repository, path = tour.metadata(channel, role)
    metadata = Metadata[Targets].from_bytes(tour.registry.files[repository, path])
    metadata.signed.version += 1
    edit(metadata.signed)
    metadata.signatures.clear()
    for signer in signers:
        metadata.sign(signer, append=True)
    document = json.loads(metadata.to_bytes())
    change(document)
    data = json.dumps(document).encode()
    tour.registry.files[repository, f"tuf/{metadata.signed.version}.{role}.json"] = data
    seal(tour, channel, role, metadata.signed.version, data)


def seal(tour: Tour, channel: str, role: str, version: int, data: bytes) -> None:
    """Let snapshot and timestamp name a version of a role."""
    online = tour.channels[channel].signers.online
    repository, path = tour.metadata(channel, "snapshot")
    snapshot = Metadata[Snapshot].from_bytes(tour.registry.files[repository, path])
    snapshot.signed.version += 1
    snapshot.signed.meta[f"{role}.json"] = meta_file(version, data)
    snapshot.sign(online.snapshot)
    tour.registry.files[repository, f"tuf/{snapshot.signed.version}.snapshot.json"] = snapshot.to_bytes()
    stamp(tour, channel, snapshot.to_bytes(), snapshot.signed.version)


def stamp(tour: Tour, channel: str, snapshot: bytes, version: int, *, ahead: int = 1) -> None:
    """Let a timestamp, `ahead` of the last one, name a snapshot."""
    repository, path = tour.metadata(channel, "timestamp")
    timestamp = Metadata[Timestamp].from_bytes(tour.registry.files[repository, path])
    timestamp.signed.version += ahead
    timestamp.signed.snapshot_meta = meta_file(version, snapshot)
    timestamp.sign(tour.channels[channel].signers.online.timestamp)
    tour.registry.files[repository, path] = timestamp.to_bytes()


def two_must_sign(tour: Tour, channel: str, model: str) -> None:
    """Let the channel's owner ask for two promoters."""
    owners = tour.channels[channel]
    tour.channel(channel).renew(role=model, signers=owners.promoters[:2], now=NOW)
    keys = RoleKeys.of(owners.promoters, threshold=2)
    tour.channel(channel).set_promoters(name=model, promoters=keys, signers=owners.signers.targets, now=NOW)
