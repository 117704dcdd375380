"""From the container's environment to verified files: the same chain as the resolver walks, then every byte."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import boto3
from botocore.config import Config

from weighbridge.errors import TrustError
from weighbridge.logs import correlation
from weighbridge.pull import LocalCache, RegionalCache, pull
from weighbridge.pull.progress import ProgressLines, write_metrics
from weighbridge.pull.standby import Standby, StandbyReader
from weighbridge.registry import ArtifactoryClient
from weighbridge.release import Release
from weighbridge.serving.environment import ContainerEnvironment
from weighbridge.trust import ChannelReader, RegistrySource
from weighbridge.trust.stores import RegistryReader
from weighbridge.verification import verify_release

Progress = Callable[[int], None]


def open_bucket(bucket: str) -> RegionalCache:
    """Return the regional cache in `bucket`, as this container's role.

    Signed URLs are of version 4 in every region: objects under a KMS key are not given out for an older one, which boto3
    still makes for some regions (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html).
    """
    return RegionalCache(client=boto3.client("s3", config=Config(signature_version="s3v4")), bucket=bucket)


class Chain(Protocol):
    """The two steps that need the registry."""

    def verify(self, environment: ContainerEnvironment) -> Release:
        """Return the promoted release, or raise RefusedError or RegistryError."""

    def pull(self, release: Release, *, environment: ContainerEnvironment, progress: Progress) -> None:
        """Write every file of role `load` into the model folder, each verified before it gets its name."""


@dataclass(frozen=True, slots=True)
class RegistryChain:
    """The chain over a real registry. `now` is the time against which the metadata's expiry is checked.

    With a regional cache, the release starts from there while the registry is down and the metadata is unexpired.
    """

    client: ArtifactoryClient
    now: datetime
    open_regional: Callable[[str], RegionalCache] = open_bucket

    def verify(self, environment: ContainerEnvironment) -> Release:
        """Verify channel, promotion, revocations, policy and release; see `weighbridge.verification`."""
        name = environment.reference.name
        cache = self._regional(environment)
        client: RegistryReader = self.client if cache is None else StandbyReader(client=self.client, cache=cache)
        with tempfile.TemporaryDirectory(prefix="weighbridge-metadata-") as folder:
            reader = ChannelReader(
                source=RegistrySource(client=self.client, repository=environment.layout.records_repository),
                root=environment.root,
                folder=Path(folder),
                floor=environment.floor,
                now=self.now,
            )
            if cache is None:
                state = reader.refresh(name)
            else:
                standby = Standby(cache=cache, channel=environment.layout.channel, root=environment.root)
                state = standby.refresh(reader, name=name, folder=Path(folder))
            verified = verify_release(
                client=client,
                state=state,
                layout=environment.layout,
                name=name,
                release_id=environment.promotion,
            )
        return verified.release

    def pull(self, release: Release, *, environment: ContainerEnvironment, progress: Progress) -> None:
        """Pull with `weighbridge.pull`; progress and the result's metrics are lines on standard output."""
        about = correlation(environment.promotion)
        lines = ProgressLines(total=release.load_bytes, out=sys.stdout, about=about)

        def advance(count: int) -> None:
            progress(count)
            lines.advance(count)

        report = pull(
            client=self.client,
            release=release,
            repository=environment.layout.models_repository,
            destination=environment.model_folder,
            progress=advance,
            records_repository=environment.layout.records_repository,
            local_cache=None if environment.cache_folder is None else LocalCache(folder=environment.cache_folder),
            regional_cache=self._regional(environment),
        )
        write_metrics(report, model=release.name, version=release.version, out=sys.stdout, about=about)

    def _regional(self, environment: ContainerEnvironment) -> RegionalCache | None:
        return None if environment.cache_bucket is None else self.open_regional(environment.cache_bucket)


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
