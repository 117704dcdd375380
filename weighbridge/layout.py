"""Where a channel's files lie in Artifactory: the one place that knows the paths (see docs/architecture.md)."""

from __future__ import annotations

from dataclasses import dataclass

from weighbridge.names import Digest

METADATA_FOLDER = "tuf"
TARGETS_FOLDER = "tuf/targets"
RELEASE_LOCK = "lock.txt"
SCRATCH_FOLDER = "weighbridge-doctor"
"""Where `weighbridge doctor` leaves SCRATCH, as `scratch-IDENTITY.txt`, in each repository that an identity may write."""
SCRATCH = b"weighbridge doctor: may be written once, never replaced, never removed\n"


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
        """Path of the registrar's bundle of statements in the records repository."""
        return f"{self.release_folder(name=name, release=release)}/statements.json"

    def later_statements_folder(self, *, name: str, release: Digest) -> str:
        """Folder of what other roles state about a release afterwards, in the records repository."""
        return f"{self.release_folder(name=name, release=release)}/statements"

    def later_statement_path(self, *, name: str, release: Digest, role: str, bundle: Digest) -> str:
        """Path of one such bundle: named by its role, which may write there, and by its own digest."""
        return f"{self.later_statements_folder(name=name, release=release)}/{role}.{bundle.hex}.json"

    def image_statements_folder(self, *, image: str) -> str:
        """Folder of what is stated about a runtime image (`HOST/PATH@sha256:HEX`), in the records repository."""
        return f"runtime-images/{image.rpartition(':')[2]}"

    def runtime_lock_path(self, *, lock: Digest) -> str:
        """Path of a lock file by its digest, which registrations list dependencies from, in the records repository."""
        return f"runtime-images/locks/{lock.hex}.txt"

    def release_lock_path(self, *, name: str, release: Digest) -> str:
        """Path of a release's own copy of its lock file, in the records repository. Not every release has one."""
        return f"{self.release_folder(name=name, release=release)}/{RELEASE_LOCK}"

    def record_path(self, *, name: str, release: Digest, statements: Digest) -> str:
        """Path of a record (release.json and a promotion's bundle of statements in one file: one request for a resolver)."""
        return f"{self.release_folder(name=name, release=release)}/records/{statements.hex}.json"
