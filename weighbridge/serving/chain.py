"""From the container's environment to verified files: the same chain as the resolver walks, then every byte."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from weighbridge.errors import TrustError
from weighbridge.pull import pull
from weighbridge.registry import ArtifactoryClient
from weighbridge.release import Release
from weighbridge.serving.environment import ContainerEnvironment
from weighbridge.trust import ChannelReader, RegistrySource
from weighbridge.verification import verify_release

Progress = Callable[[int], None]


class Chain(Protocol):
    """The two steps that need the registry."""

    def verify(self, environment: ContainerEnvironment) -> Release:
        """Return the promoted release, or raise RefusedError or RegistryError."""

    def pull(self, release: Release, *, environment: ContainerEnvironment, progress: Progress) -> None:
        """Write every file of role `load` into the model folder, each verified before it gets its name."""


@dataclass(frozen=True, slots=True)
class RegistryChain:
    """The chain over a real registry. `now` is the time against which the metadata's expiry is checked."""

    client: ArtifactoryClient
    now: datetime

    def verify(self, environment: ContainerEnvironment) -> Release:
        """Verify channel, promotion, revocations, policy and release; see `weighbridge.verification`."""
        with tempfile.TemporaryDirectory(prefix="weighbridge-metadata-") as folder:
            reader = ChannelReader(
                source=RegistrySource(client=self.client, repository=environment.layout.records_repository),
                root=environment.root,
                folder=Path(folder),
                floor=environment.floor,
                now=self.now,
            )
            verified = verify_release(
                client=self.client,
                state=reader.refresh(environment.reference.name),
                layout=environment.layout,
                name=environment.reference.name,
                release_id=environment.promotion,
            )
        return verified.release

    def pull(self, release: Release, *, environment: ContainerEnvironment, progress: Progress) -> None:
        """Pull with `weighbridge.pull`."""
        pull(
            client=self.client,
            release=release,
            repository=environment.layout.models_repository,
            destination=environment.model_folder,
            progress=progress,
        )


def check_is_deployed_release(release: Release, *, environment: ContainerEnvironment) -> None:
    """Refuse a verified release that is not the one this endpoint was deployed with.

    Raises:
        TrustError: rule `refused.other-release`.
    """
    expected = environment.reference
    found = release.reference(host=expected.host, repository=expected.repository)
    if found != expected:
        raise TrustError(
            f"promotion {environment.promotion} names {found}, but WEIGHBRIDGE_RELEASE is {expected}",
            rule="refused.other-release",
        )
