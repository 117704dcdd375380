"""The last two steps of every publish: a snapshot that names the new metadata, and a timestamp that names the snapshot."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Timestamp

from weighbridge.errors import ConflictError
from weighbridge.trust.journal import Journal
from weighbridge.trust.repository import View, read_snapshot, read_timestamp
from weighbridge.trust.roles import Expiries, OnlineSigners, metadata_path
from weighbridge.trust.signing import sign, verify
from weighbridge.trust.stores import MetadataStore

_ATTEMPTS = 5


class Publisher:
    """Signs one channel's snapshot and timestamp with its online keys."""

    def __init__(self, *, store: MetadataStore, journal: Journal, online: OnlineSigners, expiries: Expiries) -> None:
        self._store = store
        self._journal = journal
        self._online = online
        self._expiries = expiries

    def open(self, *, root: Root, now: datetime) -> View:
        """Return the channel as it stands, after completing what others signed and did not publish.

        Raises:
            TrustError: when what lies in the store does not verify with `root`.
        """
        snapshot = read_snapshot(self._store, root=root, timestamp=read_timestamp(self._store, root=root))
        claimed, free = self._journal.newest(
            role=Snapshot.type,
            published=snapshot.version,
            kind=Snapshot,
            check=lambda found: verify(found, role=Snapshot.type, delegator=root),
        )
        if claimed is not None:
            snapshot = claimed.metadata.signed
            self._publish_timestamp(root, snapshot.version, claimed.data, now=now)
        return View(root=root, snapshot=snapshot, free_snapshot_version=free)

    def publish(self, view: View, *, role: str, version: int, data: bytes, now: datetime) -> None:
        """Make a committed version of a role visible to readers.

        Its claim has decided: from here on a race is no reason to fail, only to build on what is there now.
        """
        meta = meta_file(version, data)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self.publish_snapshot(view, roles={role: meta}, now=now)
                return
            except ConflictError:
                if attempt == _ATTEMPTS:
                    raise
            view = self.open(root=view.root, now=now)
            published = view.snapshot.meta.get(f"{role}.json")
            if published is not None and published.version >= version:
                return

    def publish_snapshot(self, view: View, *, roles: Mapping[str, MetaFile], now: datetime) -> None:
        """Sign a new snapshot, changed by `roles`, and the timestamp.

        Raises:
            ConflictError: when somebody else claimed the snapshot's version.
        """
        version, data = self._commit_snapshot(view, roles=roles, root=view.root, now=now)
        self._publish_timestamp(view.root, version, data, now=now)

    def hand_over(self, view: View, *, root: Root, now: datetime) -> None:
        """Sign snapshot and timestamp with the online keys of `root`, over those of the root before it (`view.root`).

        Raises:
            ConflictError: when somebody else claimed the snapshot's version.
        """
        version, data = self._commit_snapshot(view, roles={}, root=root, now=now)
        current = read_timestamp(self._store, root=view.root)
        self._write_timestamp(root, current.version + 1, meta_file(version, data), now=now)

    def _commit_snapshot(
        self, view: View, *, roles: Mapping[str, MetaFile], root: Root, now: datetime
    ) -> tuple[int, bytes]:
        snapshot = copy.deepcopy(view.snapshot)
        snapshot.meta.update({f"{name}.json": meta for name, meta in roles.items()})
        snapshot.version = view.free_snapshot_version
        snapshot.expires = now + self._expiries.snapshot
        data = sign(Metadata(snapshot), role=Snapshot.type, signers=[self._online.snapshot], delegator=root)
        self._journal.commit(role=Snapshot.type, version=snapshot.version, data=data)
        return snapshot.version, data

    def _publish_timestamp(self, root: Root, version: int, snapshot: bytes, *, now: datetime) -> None:
        # Read again at the last moment: whoever published a later snapshot meanwhile must not be put back.
        current = read_timestamp(self._store, root=root)
        if current.snapshot_meta.version < version:
            self._write_timestamp(root, current.version + 1, meta_file(version, snapshot), now=now)

    def _write_timestamp(self, root: Root, version: int, meta: MetaFile, *, now: datetime) -> None:
        timestamp = Timestamp(version=version, expires=now + self._expiries.timestamp, snapshot_meta=meta)
        data = sign(Metadata(timestamp), role=Timestamp.type, signers=[self._online.timestamp], delegator=root)
        self._store.overwrite(metadata_path(role=Timestamp.type, version=version), data)


def meta_file(version: int, data: bytes) -> MetaFile:
    """Return what a snapshot or timestamp says about metadata: version, length and SHA-256."""
    return MetaFile.from_data(version, data, ["sha256"])
