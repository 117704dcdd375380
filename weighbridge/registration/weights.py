"""A release's files in a models repository: compared where they lie, copied and compared again, shown to people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from weighbridge.errors import IntegrityError, RegistryError
from weighbridge.registry import ArtifactoryClient, Location
from weighbridge.release import Component


def copy_weights(
    *,
    client: ArtifactoryClient,
    components: Sequence[Component],
    folder: str,
    source: str,
    target: str,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Copy a release's files from one models repository to another, each compared with the release before and after.

    With one repository as both, they are compared where they lie.

    Args:
        folder: the version's folder, the same in both repositories.
        progress: called with the size in bytes of each file that was compared at the target.

    Raises:
        IntegrityError: a file at the source or at the target is not the release's; nothing is copied in the first case.
        RegistryConflictError: the target holds other bytes at one of the paths.
    """
    for component in components:
        check_at(client=client, location=Location(source, f"{folder}/{component.path}"), component=component)
    for component in components:
        path = f"{folder}/{component.path}"
        if source != target:
            _copy_one(client, source=Location(source, path), target=Location(target, path), component=component)
        if progress is not None:
            progress(component.size)


def check_at(*, client: ArtifactoryClient, location: Location, component: Component) -> None:
    """Compare what the registry says of a file with a release's component.

    Raises:
        IntegrityError: when size or digest differ.
        RegistryNotFoundError: when it is missing.
    """
    info = client.info(repository=location.repository, path=location.path)
    if (info.size, info.sha256) != (component.size, component.digest.hex):
        raise IntegrityError(
            f"{location}: holds {info.size} bytes with {info.sha256}, the release says {component.size} bytes with "
            f"{component.digest.hex}: somebody replaced it"
        )


def mirror_properties(
    *, client: ArtifactoryClient, location: Location, properties: Mapping[str, str]
) -> tuple[str, ...]:
    """Set properties for people who look; return a warning instead of failing, because nothing is decided from them."""
    try:
        client.set_properties(repository=location.repository, path=location.path, properties=properties)
    except RegistryError as error:
        return (f"properties of {location} could not be set (nothing depends on them): {error}",)
    return ()


def _copy_one(client: ArtifactoryClient, *, source: Location, target: Location, component: Component) -> None:
    copied = client.copy_file(source=source, target=target)
    if (copied.size, copied.sha256) != (component.size, component.digest.hex):
        raise IntegrityError(f"{target}: holds {copied.sha256} after copying, not {component.digest.hex}")
