"""The text of a runtime image's lock file: found by its digest, kept once in the channel's records, and beside each release."""

from __future__ import annotations

from weighbridge.bom import LOCK_LIMIT
from weighbridge.errors import InputError, RegistryNotFoundError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registry import ArtifactoryClient


def keep_lock(*, client: ArtifactoryClient, layout: ChannelLayout, data: bytes) -> Digest:
    """Write a lock file where registrations find it by its digest, and return that. Safe to repeat.

    Raises:
        InputError: rule `input.lock`, when it is too long.
        RegistryError: the registry could not do it.
    """
    if len(data) > LOCK_LIMIT:
        raise InputError(f"lock file: {len(data)} bytes are more than the limit of {LOCK_LIMIT}", rule="input.lock")
    digest = Digest.of(data)
    client.deploy_bytes(repository=layout.records_repository, path=layout.runtime_lock_path(lock=digest), data=data)
    return digest


def find_lock(*, client: ArtifactoryClient, layout: ChannelLayout, lock: Digest) -> bytes | None:
    """Return the bytes of a lock file; None when they were never kept, or what lies there hashes to something else.

    Raises:
        RegistryError: the registry could not answer.
    """
    try:
        data = client.read(
            repository=layout.records_repository, path=layout.runtime_lock_path(lock=lock), limit=LOCK_LIMIT
        )
    except RegistryNotFoundError:
        return None
    # Whoever may write there could else stop registrations; the bill says that the dependencies are unknown.
    return data if Digest.of(data) == lock else None
