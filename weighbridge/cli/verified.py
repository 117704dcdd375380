"""Verify a release in an environment's channel, for the commands that only look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.cli.setup import Setup
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.registry import ArtifactoryClient
    from weighbridge.verification import VerifiedRelease


def verified_release(
    setup: Setup, *, client: ArtifactoryClient, name: str, version: str | None, release_id: str | None
) -> VerifiedRelease:
    """Return the release that is promoted: the head, the newest promotion of `version`, or that of `release_id`.

    Raises:
        InputError: when both are given and disagree.
        RefusedError, RegistryError: as `weighbridge.verification.verify_release`.
    """
    from weighbridge.names import ReleaseId
    from weighbridge.promotion.candidate import promotion_of
    from weighbridge.verification import verify_release

    state = setup.reader(client=client).refresh(name)
    wanted = None if release_id is None else ReleaseId.parse(release_id, field="--release-id")
    if wanted is None and version is not None:
        wanted = promotion_of(state, version).release_id
    found = verify_release(client=client, layout=setup.layout, state=state, name=name, release_id=wanted)
    if version is not None and found.release.version != version:
        raise InputError(f"--release-id: {release_id} is {name}:{found.release.version}, not {name}:{version}")
    return found
