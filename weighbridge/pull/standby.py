"""What a start needs beside the files, kept in the regional cache: a release starts while the registry is down.

Nothing kept there is believed: a channel's metadata is verified by TUF again, with its expiry and the container's floor,
and the record is hashed against the promotion. What an outage hides is what was published since the metadata was kept,
newer promotions and revocations, for as long as the metadata is unexpired and no longer.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from weighbridge import canonical
from weighbridge.errors import RegistryUnavailableError, TrustError, WeighbridgeError
from weighbridge.names import Digest
from weighbridge.pull.regional import RegionalCache
from weighbridge.trust import ChannelReader, ChannelState
from weighbridge.trust.kept import export_kept, import_kept
from weighbridge.trust.stores import RegistryReader

STATE_LIMIT = 64 * 1024 * 1024
_SCHEMA = "weighbridge.standby/v1"


@dataclass(frozen=True, slots=True)
class Standby:
    """One channel's metadata in the regional cache, as one object, so that it is never half old and half new."""

    cache: RegionalCache
    channel: str
    root: Digest

    def refresh(self, reader: ChannelReader, *, name: str, folder: Path) -> ChannelState:
        """Read the channel from the registry, or while that is down from what was kept of it.

        Args:
            reader: reads the channel; it keeps its metadata in `folder`.
            name: model name.
            folder: the reader's.

        Raises:
            TrustError: the metadata is not acceptable, for instance expired.
            RegistryError: the registry's own error, when it refused, or is down and nothing was kept.
        """
        try:
            state = reader.refresh(name)
        except RegistryUnavailableError as error:
            kept = self.load(name)
            if not kept:
                raise
            return _read_kept(reader, name=name, folder=folder, kept=kept, outage=error)
        self.save(name, export_kept(folder))
        return state

    def save(self, name: str, files: Mapping[str, bytes]) -> None:
        """Keep exported metadata (`weighbridge.trust.kept`)."""
        if self.cache.writes:
            texts: dict[str, canonical.Json] = {path: base64.b64encode(data).decode() for path, data in files.items()}
            self.cache.write(self._key(name), canonical.dump({"schema": _SCHEMA, "files": texts}))

    def load(self, name: str) -> dict[str, bytes]:
        """Return what was kept; empty when there is nothing, or nothing that can be read."""
        data = self.cache.read(self._key(name), limit=STATE_LIMIT)
        if data is None:
            return {}
        try:
            document = canonical.parse_object(data, what="standby", limit=STATE_LIMIT)
            files = document.get("files") if document.get("schema") == _SCHEMA else None
            pairs = files.items() if isinstance(files, dict) else []
            return {path: base64.b64decode(str(text), validate=True) for path, text in pairs}
        except (TrustError, binascii.Error):
            return {}

    def _key(self, name: str) -> str:
        return f"state/{self.channel}/{self.root.hex}/{name}.json"


def _read_kept(
    reader: ChannelReader, *, name: str, folder: Path, kept: Mapping[str, bytes], outage: RegistryUnavailableError
) -> ChannelState:
    try:
        import_kept(folder, kept)
        return reader.read_kept(name)
    except WeighbridgeError as error:
        message = f"{outage}; the metadata kept in the regional cache does not help: {error}"
        if isinstance(error, TrustError):
            raise TrustError(message, rule=error.rule) from error
        raise RegistryUnavailableError(message) from error


class StandbyReader:
    """Reads a channel's write-once records from the registry, and while that is down from the regional cache.

    For `verify_release`, which hashes what it gets against the signed promotion.
    """

    def __init__(self, *, client: RegistryReader, cache: RegionalCache) -> None:
        self._client = client
        self._cache = cache

    def read(self, *, repository: str, path: str, limit: int) -> bytes:
        """Return a whole small file.

        Raises:
            RegistryError: the registry's own, when it refused, or is down and the cache does not hold the file.
        """
        key = f"records/{repository}/{path}"
        try:
            data = self._client.read(repository=repository, path=path, limit=limit)
        except RegistryUnavailableError:
            found = self._cache.read(key, limit=limit)
            if found is None:
                raise
            return found
        if self._cache.writes:
            self._cache.write(key, data)
        return data
