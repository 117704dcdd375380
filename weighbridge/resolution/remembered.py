"""Refresh a channel from the registry, on top of the metadata that the environment remembers."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from weighbridge.errors import RegistryUnavailableError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registry import ArtifactoryClient
from weighbridge.resolution.kept_metadata import TrustedMetadataStore
from weighbridge.trust import ChannelReader, ChannelState, Floor, RegistrySource, export_kept, import_kept


def refresh_remembered(
    *,
    client: ArtifactoryClient,
    layout: ChannelLayout,
    root: Digest,
    metadata: TrustedMetadataStore,
    model: str,
    floor: Floor,
    now: datetime,
    through_outages: bool = False,
) -> ChannelState:
    """Return the channel's state for a model, and remember what was seen.

    Args:
        client: the registry, as an identity that may read the channel's records.
        layout: the channel's repositories.
        root: pinned digest of the channel's root.
        metadata: what is remembered.
        model: name of the model.
        floor: versions that must not be undercut.
        now: the time against which expiry is checked.
        through_outages: while the registry does not answer, return what is remembered, which has not expired
            (`ChannelState.kept` says so).

    Raises:
        TrustError, RegistryError: as `ChannelReader.refresh`.
        CloudError: what is remembered could not be read or written.
        ConflictError: others kept changing what is remembered.
    """
    with tempfile.TemporaryDirectory(prefix="weighbridge-metadata-") as folder:
        import_kept(Path(folder), metadata.load(channel=layout.channel, root=root))
        reader = ChannelReader(
            source=RegistrySource(client=client, repository=layout.records_repository),
            root=root,
            folder=Path(folder),
            floor=floor,
            now=now,
        )
        try:
            state = reader.refresh(model)
        except RegistryUnavailableError:
            if not through_outages:
                raise
            return reader.read_kept(model)
        metadata.save(channel=layout.channel, root=root, files=export_kept(Path(folder)))
    return state
