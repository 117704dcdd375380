"""Publish versioned metadata so that two publishers cannot fork a channel and a half-done publish can be completed.

A version is decided by its claim in the sequence ledger. The bytes lie in the store, under their own digest, before
the claim is made: whoever finds a claim can therefore finish what its maker began, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tuf.api.metadata import Metadata, Snapshot, Targets

from weighbridge.errors import TrustError
from weighbridge.ledger import SequenceLedger
from weighbridge.names import Digest
from weighbridge.trust.repository import parse, read_or_none
from weighbridge.trust.roles import metadata_path
from weighbridge.trust.stores import MetadataStore

T = TypeVar("T", Snapshot, Targets)


@dataclass(frozen=True, slots=True)
class Claimed(Generic[T]):
    """A claimed version: verified metadata, and the bytes that hold it."""

    metadata: Metadata[T]
    data: bytes


class Journal:
    """The versions of one channel's roles. Scopes in the ledger are `CHANNEL#ROLE`."""

    def __init__(self, *, store: MetadataStore, ledger: SequenceLedger, channel: str) -> None:
        self._store = store
        self._ledger = ledger
        self._channel = channel

    def commit(self, *, role: str, version: int, data: bytes) -> None:
        """Publish one version of a role.

        Raises:
            ConflictError: when somebody else claimed this version.
        """
        digest = Digest.of(data)
        self._store.write_once(_pending_path(digest), data)
        self._ledger.claim(scope=self._scope(role), sequence=version, digest=digest)
        self._store.write_once(metadata_path(role=role, version=version), data)

    def newest(
        self, *, role: str, published: int, kind: type[T], check: Callable[[Metadata[T]], None]
    ) -> tuple[Claimed[T] | None, int]:
        """Complete claimed versions above `published` and return the last of them with the next free version.

        A claim whose bytes are lost, or fail `check` (a key that was replaced since), is left out: versions may have
        gaps.

        Args:
            check: raises TrustError for metadata that is not acceptable.
        """
        found: Claimed[T] | None = None
        version = published + 1
        while (digest := self._ledger.claimed(scope=self._scope(role), sequence=version)) is not None:
            data = self._claimed_bytes(digest)
            metadata = None if data is None else _accept(data, kind, version=version, check=check)
            if data is not None and metadata is not None:
                self._store.write_once(metadata_path(role=role, version=version), data)
                found = Claimed(metadata, data)
            version += 1
        return found, version

    def _claimed_bytes(self, digest: Digest) -> bytes | None:
        data = read_or_none(self._store, _pending_path(digest))
        return data if data is not None and Digest.of(data) == digest else None

    def _scope(self, role: str) -> str:
        return f"{self._channel}#{role}"


def _accept(data: bytes, kind: type[T], *, version: int, check: Callable[[Metadata[T]], None]) -> Metadata[T] | None:
    try:
        metadata = parse(data, kind, path="a claimed version")
        check(metadata)
    except TrustError:
        return None
    return metadata if metadata.signed.version == version else None


def _pending_path(digest: Digest) -> str:
    return f"pending/{digest.hex}.json"
