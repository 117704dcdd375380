"""Which release a NAME:VERSION is: one write-once file, claimed before anything else is written.

It finds a release by its version (`weighbridge promote`), and it is why there are never two under one. It is not signed
and decides nothing else: whoever follows it verifies the release that it names.
"""

from __future__ import annotations

from weighbridge import canonical
from weighbridge.errors import RegistryConflictError, RegistryNotFoundError, TrustError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registry import ArtifactoryClient
from weighbridge.release import Release

SCHEMA = "weighbridge.version/v1"
CLAIM_LIMIT = 4096


def claim_version(*, client: ArtifactoryClient, layout: ChannelLayout, release: Release) -> None:
    """Claim the version for `release`; the same again is success.

    Raises:
        RegistryConflictError: when the version is another release.
    """
    path = layout.version_path(name=release.name, version=release.version)
    try:
        client.deploy_bytes(repository=layout.records_repository, path=path, data=_to_bytes(release))
    except RegistryConflictError as error:
        taken = find_release(client=client, layout=layout, name=release.name, version=release.version)
        raise RegistryConflictError(
            f"{release.name}:{release.version} is release {taken} in {layout.channel} already, this would be "
            f"{release.digest}: register what changed under another version"
        ) from error


def find_release(*, client: ArtifactoryClient, layout: ChannelLayout, name: str, version: str) -> Digest:
    """Return the digest of the release that is registered as NAME:VERSION.

    Raises:
        RegistryNotFoundError: when none is.
        TrustError: rule `refused.version`, when the claim is malformed.
    """
    path = layout.version_path(name=name, version=version)
    where = f"{layout.records_repository}/{path}"
    try:
        data = client.read(repository=layout.records_repository, path=path, limit=CLAIM_LIMIT)
    except RegistryNotFoundError as error:
        raise RegistryNotFoundError(
            f"{layout.channel}: {name}:{version} is not registered: register it with `weighbridge register` ({where})",
            status=404,
        ) from error
    document = canonical.parse_object(data, what=where, limit=CLAIM_LIMIT)
    release = document.get("release")
    expected = {"schema": SCHEMA, "name": name, "version": version, "release": release}
    if document != expected or not isinstance(release, str):
        raise TrustError(f"{where}: is not the claim of {name}:{version}", rule="refused.version")
    return Digest.parse(release, field=where)


def _to_bytes(release: Release) -> bytes:
    return canonical.dump(
        {"schema": SCHEMA, "name": release.name, "version": release.version, "release": str(release.digest)}
    )
