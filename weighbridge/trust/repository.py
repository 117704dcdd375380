"""An owner's view of a channel: verified like a reader's, but without expiry, because owners renew what has expired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from weighbridge.errors import RegistryNotFoundError, TrustError
from weighbridge.names import Digest
from weighbridge.trust.roles import metadata_path
from weighbridge.trust.signing import verify
from weighbridge.trust.stores import MetadataSource

METADATA_LIMIT = 5_000_000
_MAX_ROOTS = 64

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True, slots=True)
class View:
    """A channel's newest root and snapshot, and the next snapshot version that nobody has claimed."""

    root: Root
    snapshot: Snapshot
    free_snapshot_version: int


def read_or_none(source: MetadataSource, path: str) -> bytes | None:
    """Return the file at `path`, or None when there is none."""
    try:
        return source.fetch(path, METADATA_LIMIT)
    except RegistryNotFoundError:
        return None


def read_roots(source: MetadataSource, *, pin: Digest) -> tuple[Root, ...]:
    """Follow the chain of roots from the pinned one; the newest is the last.

    Raises:
        TrustError: rule `refused.root`, when no root has the pinned digest or a later one is not signed by both.
    """
    trusted: list[Root] = []
    for version in range(1, _MAX_ROOTS + 1):
        path = metadata_path(role=Root.type, version=version)
        data = read_or_none(source, path)
        if data is None:
            break
        if trusted:
            trusted.append(_next_root(trusted[-1], parse(data, Root, path=path), path))
        elif Digest.of(data) == pin:
            trusted.append(parse(data, Root, path=path).signed)
    if not trusted:
        raise TrustError(
            f"no root metadata of this channel hashes to the pinned {pin}: check the pinned digest and the repository",
            rule="refused.root",
        )
    return tuple(trusted)


def read_timestamp(source: MetadataSource, *, root: Root) -> Timestamp:
    """Read and verify the timestamp.

    Raises:
        TrustError: rule `refused.signature` or `refused.metadata`.
    """
    path = metadata_path(role=Timestamp.type, version=0)
    metadata = parse(source.fetch(path, METADATA_LIMIT), Timestamp, path=path)
    verify(metadata, role=Timestamp.type, delegator=root)
    return metadata.signed


def read_snapshot(source: MetadataSource, *, root: Root, timestamp: Timestamp) -> Snapshot:
    """Read and verify the snapshot that the timestamp names.

    Raises:
        TrustError: rule `refused.signature` or `refused.metadata`.
    """
    return _read_meta(source, Snapshot, role=Snapshot.type, meta=timestamp.snapshot_meta, delegator=root)


def read_targets(source: MetadataSource, *, role: str, snapshot: Snapshot, delegator: Root | Targets) -> Targets | None:
    """Read and verify a targets role as the snapshot names it; None when the snapshot does not know it yet.

    Raises:
        TrustError: rule `refused.signature` or `refused.metadata`.
    """
    meta = snapshot.meta.get(f"{role}.json")
    return None if meta is None else _read_meta(source, Targets, role=role, meta=meta, delegator=delegator)


def parse(data: bytes, kind: type[T], *, path: str) -> Metadata[T]:
    """Parse metadata of one kind, without verifying it.

    Raises:
        TrustError: rule `refused.metadata`.
    """
    try:
        metadata = Metadata[T].from_bytes(data)
    except RepositoryError as error:
        raise TrustError(f"{path}: not TUF metadata: {error}", rule="refused.metadata") from error
    if not isinstance(metadata.signed, kind):
        raise TrustError(f"{path}: is {metadata.signed.type} metadata, not {kind.type}", rule="refused.metadata")
    return metadata


def _read_meta(source: MetadataSource, kind: type[T], *, role: str, meta: MetaFile, delegator: Root | Targets) -> T:
    path = metadata_path(role=role, version=meta.version)
    data = source.fetch(path, METADATA_LIMIT)
    try:
        meta.verify_length_and_hashes(data)
    except LengthOrHashMismatchError as error:
        raise TrustError(f"{path}: not the bytes that the channel names: {error}", rule="refused.metadata") from error
    metadata = parse(data, kind, path=path)
    verify(metadata, role=role, delegator=delegator)
    if metadata.signed.version != meta.version:
        raise TrustError(f"{path}: holds version {metadata.signed.version}", rule="refused.metadata")
    return metadata.signed


def _next_root(trusted: Root, found: Metadata[Root], path: str) -> Root:
    if found.signed.version != trusted.version + 1:
        raise TrustError(f"{path}: holds version {found.signed.version}", rule="refused.root")
    try:
        for root in (trusted, found.signed):
            root.verify_delegate(Root.type, found.signed_bytes, found.signatures)
    except (RepositoryError, ValueError) as error:
        raise TrustError(f"{path}: {error}", rule="refused.root") from error
    return found.signed
