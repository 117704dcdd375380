"""Found a channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from weighbridge.errors import ConflictError, InputError
from weighbridge.names import Digest, check_name
from weighbridge.trust.delegations import delegate
from weighbridge.trust.policy import POLICY_PATH, Policy
from weighbridge.trust.publisher import meta_file
from weighbridge.trust.repository import parse, read_or_none
from weighbridge.trust.roles import (
    REVOCATIONS,
    REVOCATIONS_PATTERN,
    Expiries,
    OnlineSigners,
    RoleKeys,
    check_model_name,
    metadata_path,
    promotions_pattern,
)
from weighbridge.trust.signing import sign, sign_root, verify
from weighbridge.trust.stores import MetadataStore
from weighbridge.trust.targets import make_target, target_file_path

T = TypeVar("T", Targets, Snapshot)


@dataclass(frozen=True, slots=True)
class ChannelSigners:
    """Who signs a new channel's first metadata. Promoters are not among them: they give public keys alone."""

    root: Sequence[Signer]
    targets: Sequence[Signer]
    revocations: Sequence[Signer]
    online: OnlineSigners
    root_threshold: int = 1
    targets_threshold: int = 1
    revocations_threshold: int = 1


def init_channel(
    *,
    store: MetadataStore,
    channel: str,
    signers: ChannelSigners,
    policy: Policy,
    models: Mapping[str, RoleKeys],
    now: datetime,
    expiries: Expiries | None = None,
) -> Digest:
    """Write a channel's first metadata and return its root's digest, which clients pin.

    Repeating the call with the same keys and policy completes a half-done one and changes nothing else.

    Args:
        models: the promoters' public keys, by model name; more models are added with `Channel.add_model`.

    Raises:
        InputError: for a policy of another channel, a bad model name or thresholds out of reach.
        ConflictError: when there is a channel with other keys, models or policy.
    """
    check_name(channel, field="channel")
    if policy.channel != channel:
        raise InputError(f"policy: is for channel {policy.channel!r}, this is {channel!r}")
    terms = expiries or Expiries()
    root, root_data = _first_root(store, signers=signers, expires=now + terms.root)
    if read_or_none(store, metadata_path(role=Timestamp.type, version=1)) is not None:
        return Digest.of(root_data)
    policy_target = make_target(path=POLICY_PATH, data=policy.to_bytes())
    store.write_once(target_file_path(policy_target), policy.to_bytes())

    targets = Targets(expires=now + terms.targets, targets={POLICY_PATH: policy_target})
    revokers = RoleKeys.of(signers.revocations, threshold=signers.revocations_threshold)
    delegate(targets, role=REVOCATIONS, keys=revokers, pattern=REVOCATIONS_PATTERN)
    for name, keys in models.items():
        delegate(targets, role=check_model_name(name), keys=keys, pattern=promotions_pattern(name))
    revocations = Targets(expires=now + terms.revocations)
    targets_data = _first(store, targets, role=Targets.type, signers=signers.targets, delegator=root)
    revocations_data = _first(store, revocations, role=REVOCATIONS, signers=signers.revocations, delegator=targets)

    meta = {f"{Targets.type}.json": meta_file(1, targets_data), f"{REVOCATIONS}.json": meta_file(1, revocations_data)}
    snapshot = Snapshot(expires=now + terms.snapshot, meta=meta)
    snapshot_data = _first(store, snapshot, role=Snapshot.type, signers=[signers.online.snapshot], delegator=root)
    timestamp = Timestamp(expires=now + terms.timestamp, snapshot_meta=meta_file(1, snapshot_data))
    data = sign(Metadata(timestamp), role=Timestamp.type, signers=[signers.online.timestamp], delegator=root)
    store.overwrite(metadata_path(role=Timestamp.type, version=1), data)
    return Digest.of(root_data)


def _first_root(store: MetadataStore, *, signers: ChannelSigners, expires: datetime) -> tuple[Root, bytes]:
    root = Root(expires=expires, consistent_snapshot=True)
    for role, keys in _top_level(signers).items():
        for key in keys.keys:
            root.add_key(key, role)
        root.roles[role].threshold = keys.threshold
    path = metadata_path(role=Root.type, version=1)
    existing = read_or_none(store, path)
    if existing is None:
        data = sign_root(Metadata(root), signers=signers.root, previous=None)
        store.write_once(path, data)
        return root, data
    metadata = parse(existing, Root, path=path)
    verify(metadata, role=Root.type, delegator=metadata.signed)
    if (metadata.signed.roles, metadata.signed.keys) != (root.roles, root.keys):
        raise ConflictError(f"{path}: a channel with other keys or thresholds is there already")
    return metadata.signed, existing


def _top_level(signers: ChannelSigners) -> Mapping[str, RoleKeys]:
    return {
        Root.type: RoleKeys.of(signers.root, threshold=signers.root_threshold),
        Targets.type: RoleKeys.of(signers.targets, threshold=signers.targets_threshold),
        Snapshot.type: RoleKeys.of([signers.online.snapshot]),
        Timestamp.type: RoleKeys.of([signers.online.timestamp]),
    }


def _first(
    store: MetadataStore,
    signed: T,
    *,
    role: str,
    signers: Sequence[Signer],
    delegator: Root | Targets,
) -> bytes:
    path = metadata_path(role=role, version=1)
    existing = read_or_none(store, path)
    if existing is None:
        data = sign(Metadata(signed), role=role, signers=signers, delegator=delegator)
        store.write_once(path, data)
        return data
    metadata = parse(existing, type(signed), path=path)
    verify(metadata, role=role, delegator=delegator)
    signed.expires = metadata.signed.expires
    if metadata.signed != signed:
        raise ConflictError(f"{path}: this channel was begun with another policy or other models")
    return existing
