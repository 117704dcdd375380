"""A channel's last trusted metadata, kept between runs so that a registry put back to an older state is seen.

Several resolvers read and write one record at the same time, each with an older or newer view of the channel, each with
another model's role. The record must never go back:

- It is one object (all files of a channel under one pinned root), replaced by compare-and-swap: whoever loses reads
  again and merges again. Nobody ever sees half of it.
- Merging takes each file by itself, the newer one of both. A mixture is no weakness: every file bears its own
  signatures, and python-tuf takes what does not fit the rest as memory only, and fetches it anew.
- Newer means: verified under a newer root, then a higher version. After a compromise of online keys, an attacker's huge
  version number would otherwise stay for good; root rotation ends it, as TUF's own recovery from fast-forward does.
- A pin that is moved begins a record of its own: a channel made anew under an old name starts at version 1 again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from weighbridge import canonical
from weighbridge.canonical import JsonObject
from weighbridge.errors import TrustError, WeighbridgeError
from weighbridge.names import Digest

SCHEMA = "weighbridge.kept-metadata/v1"
RECORD_LIMIT = 64 * 1024 * 1024
ATTEMPTS = 10
_ROOT_FOLDER = "root_history/"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One metadata file. `version` is its own, `root` the version of the root under which it was last verified."""

    text: str
    version: int
    root: int

    @property
    def age(self) -> tuple[int, int]:
        """What files are compared by: the higher is the newer."""
        return self.root, self.version


Kept = Mapping[str, KeptFile]


class TrustedMetadataStore(Protocol):
    """Keeps trusted metadata of channels. Implementations keep one contract (tests/unit/resolution)."""

    def load(self, *, channel: str, root: Digest) -> dict[str, bytes]:
        """Return the files as `weighbridge.trust.import_kept` takes them; empty when nothing is kept yet."""
        ...

    def save(self, *, channel: str, root: Digest, files: Mapping[str, bytes]) -> None:
        """Keep what `weighbridge.trust.export_kept` gave after a successful refresh, where it is newer.

        Raises:
            ConflictError: when others wrote every time; nothing was lost, but this view was not added.
        """
        ...


def record_path(*, channel: str, root: Digest) -> str:
    """Return the path of the record of a channel under one pinned root."""
    return f"{channel}/{root.hex}.json"


def kept_of(files: Mapping[str, bytes]) -> Kept:
    """Return exported metadata with the versions that it bears.

    Raises:
        TrustError: rule `refused.kept`, for a file that is no TUF metadata.
    """
    versions = {path: _version(path, data) for path, data in files.items()}
    root = max((version for path, version in versions.items() if path.startswith(_ROOT_FOLDER)), default=0)
    return {
        path: KeptFile(
            text=data.decode("utf-8"),
            version=versions[path],
            root=versions[path] if path.startswith(_ROOT_FOLDER) else root,
        )
        for path, data in files.items()
    }


def merge(stored: Kept, seen: Kept) -> Kept:
    """Return the newer of each file; of equals, the stored one."""
    merged = dict(stored)
    for path, file in seen.items():
        if path not in merged or file.age > merged[path].age:
            merged[path] = file
    return merged


def to_bytes(kept: Kept) -> bytes:
    """Return the record's canonical bytes."""
    return canonical.dump(
        {
            "schema": SCHEMA,
            "files": {
                path: {"text": file.text, "version": file.version, "root": file.root} for path, file in kept.items()
            },
        }
    )


def parse(data: bytes) -> Kept:
    """Return the record; empty for bytes that are none, since what is kept is memory and not authority.

    An unreadable record would otherwise stop every deployment; the acceptances' floor still shows a registry that was
    put back.
    """
    try:
        document = canonical.parse_object(data, what="kept metadata", limit=RECORD_LIMIT)
        files = document.get("files")
        if document.get("schema") != SCHEMA or not isinstance(files, dict):
            return {}
        return {path: _file(value) for path, value in files.items() if isinstance(value, dict)}
    except WeighbridgeError:
        return {}


def to_files(kept: Kept) -> dict[str, bytes]:
    """Return the files as `import_kept` takes them."""
    return {path: file.text.encode("utf-8") for path, file in kept.items()}


def _file(value: JsonObject) -> KeptFile:
    text, version, root = value.get("text"), value.get("version"), value.get("root")
    if not isinstance(text, str) or not isinstance(version, int) or not isinstance(root, int):
        raise TrustError("kept metadata: a file without text and versions", rule="refused.kept")
    return KeptFile(text=text, version=version, root=root)


def _version(path: str, data: bytes) -> int:
    try:
        version = json.loads(data)["signed"]["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise TrustError(f"kept metadata: {path}: is no TUF metadata", rule="refused.kept") from error
    if not isinstance(version, int):
        raise TrustError(f"kept metadata: {path}: bears no version", rule="refused.kept")
    return version
