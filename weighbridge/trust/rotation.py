"""Replace a channel's root: new root keys, new online keys, or a later expiry."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from weighbridge.errors import InputError, TrustError
from weighbridge.trust.publisher import Publisher
from weighbridge.trust.repository import read_snapshot, read_targets, read_timestamp
from weighbridge.trust.roles import Expiries, OnlineSigners, RoleKeys, metadata_path
from weighbridge.trust.signing import sign_root
from weighbridge.trust.stores import MetadataStore


def rotate_root(
    *,
    store: MetadataStore,
    publisher: Publisher,
    roots: Sequence[Root],
    keys: RoleKeys,
    online: OnlineSigners,
    signers: Sequence[Signer],
    expiries: Expiries,
    now: datetime,
    targets: RoleKeys | None = None,
) -> int:
    """Publish the next root and return its version.

    Between the new root and the timestamp that its online keys sign, readers refuse; repeating the call completes it.

    Args:
        roots: the verified chain of roots.
        keys: who signs roots from now on.
        online: who signs snapshot and timestamp from now on; `publisher` holds the same.
        signers: enough of the old and of the new root keys.
        targets: who is the channel's owner from now on; None leaves that as it is.

    Raises:
        InputError: when the owner's published metadata is not signed by enough of `targets`.
    """
    current = roots[-1]
    wanted = copy.deepcopy(current)
    _set_keys(wanted, Root.type, keys)
    _set_keys(wanted, Snapshot.type, RoleKeys.of([online.snapshot]))
    _set_keys(wanted, Timestamp.type, RoleKeys.of([online.timestamp]))
    if targets is not None:
        _set_keys(wanted, Targets.type, targets)
        _check_owner(store, wanted, current)
    if len(roots) > 1 and (wanted.roles, wanted.keys) == (current.roles, current.keys):
        previous = roots[-2]
        if not _is_handed_over(store, current):
            publisher.hand_over(publisher.open(root=previous, now=now), root=current, now=now)
            return current.version
    view = publisher.open(root=current, now=now)
    wanted.version += 1
    wanted.expires = now + expiries.root
    data = sign_root(Metadata(wanted), signers=signers, previous=current)
    store.write_once(metadata_path(role=Root.type, version=wanted.version), data)
    publisher.hand_over(view, root=wanted, now=now)
    return wanted.version


def _check_owner(store: MetadataStore, wanted: Root, current: Root) -> None:
    newest = current if _is_handed_over(store, current) else wanted
    timestamp = read_timestamp(store, root=newest)
    snapshot = read_snapshot(store, root=newest, timestamp=timestamp)
    try:
        read_targets(store, role=Targets.type, snapshot=snapshot, delegator=wanted)
    except TrustError as error:
        raise InputError(
            "targets: the owner's metadata is not signed by enough of the new keys: name old and new ones first, let the new "
            f"ones renew it, then take the old ones away: {error}"
        ) from error


def _set_keys(root: Root, role: str, keys: RoleKeys) -> None:
    for key_id in list(root.roles[role].keyids):
        root.revoke_key(key_id, role)
    for key in keys.keys:
        root.add_key(key, role)
    root.roles[role].threshold = keys.threshold


def _is_handed_over(store: MetadataStore, root: Root) -> bool:
    try:
        read_timestamp(store, root=root)
    except TrustError:
        return False
    return True
