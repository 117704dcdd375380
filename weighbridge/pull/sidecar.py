"""The signed chunk digests of a release's files, where they are of use."""

from __future__ import annotations

from collections.abc import Mapping

from weighbridge.errors import RegistryNotFoundError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.pull.regional import RegionalCache
from weighbridge.registry import ArtifactoryClient
from weighbridge.release import Release, parse_chunks


def chunk_digests(
    *, client: ArtifactoryClient, release: Release, repository: str, records: str | None, cache: RegionalCache | None
) -> Mapping[str, tuple[Digest, ...]] | None:
    """Return the chunk digests by path; None when no file is larger than a chunk, or they cannot be had.

    Raises:
        IntegrityError, TrustError: the sidecar is not the one that the release names.
        RegistryError: the registry refused, or is down.
    """
    if records is None or all(item.size <= release.chunks.chunk_size for item in release.load_components):
        return None
    key = f"sha256/{release.chunks.digest.hex}"
    cached = cache.read(key, limit=release.chunks.size) if cache is not None else None
    if cached is not None and Digest.of(cached) == release.chunks.digest:
        return parse_chunks(cached, release=release).files
    layout = ChannelLayout(channel="", models_repository=repository, records_repository=records)
    path = layout.chunks_path(name=release.name, release=release.digest)
    try:
        data = client.read(repository=records, path=path, limit=release.chunks.size)
    except RegistryNotFoundError:
        # The files' own digests verify as much, only not in parallel.
        return None
    found = parse_chunks(data, release=release).files
    if cache is not None and cache.writes:
        cache.write(key, data)
    return found
