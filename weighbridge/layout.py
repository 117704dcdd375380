"""Where a channel's files lie in Artifactory: the one place that knows the paths (see docs/architecture.md)."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.names import Digest

METADATA_FOLDER = "tuf"
TARGETS_FOLDER = "tuf/targets"


def weights_folder(*, name: str, version: str) -> str:
    """Folder of a version in any `machinelearning` repository (frogml's layout)."""
    return f"models/{name}/{version}"


@dataclass(frozen=True, slots=True)
class ChannelLayout:
    """A channel is a pair of repositories: `models_repository` (machinelearning) and `records_repository` (generic)."""

    channel: str
    models_repository: str
    records_repository: str

    def weights_path(self, *, name: str, version: str, path: str) -> str:
        """Path of one component in the models repository."""
        return f"{weights_folder(name=name, version=version)}/{path}"

    def version_path(self, *, name: str, version: str) -> str:
        """Path of the file that says which release NAME:VERSION is, in the records repository."""
        return f"{name}/versions/{version}.json"

    def release_folder(self, *, name: str, release: Digest) -> str:
        """Folder of a release's records in the records repository."""
        return f"{name}/releases/{release.hex}"

    def release_path(self, *, name: str, release: Digest) -> str:
        """Path of release.json in the records repository."""
        return f"{self.release_folder(name=name, release=release)}/release.json"

    def chunks_path(self, *, name: str, release: Digest) -> str:
        """Path of the chunk digests' sidecar in the records repository."""
        return f"{self.release_folder(name=name, release=release)}/chunks.json"

    def statements_path(self, *, name: str, release: Digest) -> str:
        """Path of the statements bundle in the records repository."""
        return f"{self.release_folder(name=name, release=release)}/statements.json"

    def record_path(self, *, name: str, release: Digest) -> str:
        """Path of record.json (release.json and statements.json in one file: one request for a resolver)."""
        return f"{self.release_folder(name=name, release=release)}/record.json"
