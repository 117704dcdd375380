"""What lies in a channel's repositories: every file is one that something signed names, with its bytes, or a finding."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from weighbridge import canonical
from weighbridge.audit.findings import Finding
from weighbridge.audit.signed import Signed
from weighbridge.errors import RegistryNotFoundError, WeighbridgeError
from weighbridge.layout import METADATA_FOLDER, RELEASE_LOCK, SCRATCH, SCRATCH_FOLDER, ChannelLayout
from weighbridge.names import Digest
from weighbridge.registry import FileInfo
from weighbridge.registry.models import Download

_VERSION = re.compile(r"([^/]+)/versions/([^/]+)\.json")
_RELEASE = re.compile(r"([^/]+)/releases/([0-9a-f]{64})/(.+)")
_BUNDLE = re.compile(r"statements/[a-z][a-z0-9-]*\.([0-9a-f]{64})\.json")
_RECORD = re.compile(r"records/[0-9a-f]{64}\.json")
_SCRATCH = re.compile(rf"{SCRATCH_FOLDER}/scratch-[a-z_]+\.txt")
_CLAIM_LIMIT = 4096
# Folders beside the models' own; what lies there is verified by whoever uses it.
_OTHERS = frozenset({METADATA_FOLDER, "runtime-images", "approvals"})


class StoredFiles(Protocol):
    """The registry, as an identity that may read both repositories (`weighbridge.registry.ArtifactoryClient`)."""

    def listing(self, *, repository: str, path: str = "") -> tuple[FileInfo, ...]:
        """Return every file below a path."""
        ...

    def read(self, *, repository: str, path: str, limit: int) -> bytes:
        """Return a small file."""
        ...

    def stream(
        self, *, repository: str, path: str, start: int = 0, end: int | None = None, if_range: str | None = None
    ) -> AbstractContextManager[Download]:
        """Open a file."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """The files of both repositories by path."""

    models: Mapping[str, FileInfo]
    records: Mapping[str, FileInfo]


def list_stored(client: StoredFiles, layout: ChannelLayout) -> Stored:
    """List both repositories.

    Raises:
        RegistryError: when one cannot be listed.
    """
    return Stored(models=_list(client, layout.models_repository), records=_list(client, layout.records_repository))


def read_claims(client: StoredFiles, layout: ChannelLayout, stored: Stored) -> Mapping[tuple[str, str], Digest]:
    """Return the release digests by (model, version) that the version files of the first channel say; junk is left out."""
    found: dict[tuple[str, str], Digest] = {}
    for path in stored.records:
        match = _VERSION.fullmatch(path)
        if match is None:
            continue
        try:
            data = client.read(repository=layout.records_repository, path=path, limit=_CLAIM_LIMIT)
            release = canonical.parse_object(data, what=path, limit=_CLAIM_LIMIT).get("release")
            found[match[1], match[2]] = Digest.parse(str(release), field=path)
        except WeighbridgeError:
            continue
    return found


def check_models(
    client: StoredFiles, layout: ChannelLayout, stored: Stored, signed: Signed, *, deep: bool
) -> Iterator[Finding]:
    """Yield what does not fit in the models repository; with `deep` every file's bytes are read and hashed.

    Raises:
        RegistryError: with `deep`, when a file cannot be read.
    """
    repository = layout.models_repository
    wanted: dict[str, tuple[int, Digest]] = {}
    for release in signed.releases.values():
        for item in release.components:
            path = layout.weights_path(name=release.name, version=release.version, path=item.path)
            wanted[path] = (item.size, item.digest)
    for path, (size, digest) in wanted.items():
        info = stored.models.get(path)
        if info is None:
            yield Finding("audit.file-missing", f"{repository}/{path}", f"the release names it with {digest}")
            continue
        found = _hash(client, repository, path) if deep else info.sha256
        if found is not None and (info.size, found) != (size, digest.hex):
            message = f"is sha256:{found} of {info.size} bytes; signed is {digest} of {size}"
            yield Finding("audit.file-altered", f"{repository}/{path}", message)
    unknown = tuple(f"{folder}/" for folder in (*(f"models/{model}" for model in signed.unread), *signed.undecided))
    for path in sorted(stored.models.keys() - wanted.keys()):
        if not path.startswith(unknown) and not _is_doctors(path, stored.models[path]):
            yield Finding("audit.file-extra", f"{repository}/{path}", "no release that is signed names it")


def check_records(layout: ChannelLayout, stored: Stored, signed: Signed) -> Iterator[Finding]:
    """Yield what does not fit in the records repository, outside `tuf/`, which verifying the channel covers."""
    repository = layout.records_repository
    for path, info in sorted(stored.records.items()):
        if path.partition("/")[0] in _OTHERS | signed.unread or _VERSION.fullmatch(path) or _is_doctors(path, info):
            continue
        match = _RELEASE.fullmatch(path)
        if match is None:
            yield Finding("audit.record-orphan", f"{repository}/{path}", "is no place of a record")
            continue
        release = Digest(match[2])
        if release not in signed.releases:
            bundle = _BUNDLE.fullmatch(match[3])
            if bundle is not None:
                # People approve before a release is promoted here: what they state decides nothing until then.
                yield from _named(info, Digest(bundle[1]), where=f"{repository}/{path}")
            elif release not in signed.bundles:
                yield Finding("audit.record-orphan", f"{repository}/{path}", f"nothing that is signed names {release}")
            continue
        yield from _record(signed, release, match[3], info, where=f"{repository}/{path}")


def _is_doctors(path: str, info: FileInfo) -> bool:
    """Whether a file is what the doctor leaves in every repository that somebody may write, with its very bytes."""
    return _SCRATCH.fullmatch(path) is not None and info.sha256 == hashlib.sha256(SCRATCH).hexdigest()


def _record(signed: Signed, release: Digest, path: str, info: FileInfo, *, where: str) -> Iterator[Finding]:
    known = signed.releases[release]
    digests = {"release.json": release, known.chunks.path: known.chunks.digest, RELEASE_LOCK: known.runtime.lock}
    if known.bom is not None:
        digests[known.bom.path] = known.bom.digest
    bundle = _BUNDLE.fullmatch(path)
    if bundle is not None:
        digests[path] = Digest(bundle[1])
    expected = digests.get(path)
    if expected is not None:
        yield from _named(info, expected, where=where)
    elif path != "statements.json" and not _RECORD.fullmatch(path):
        yield Finding("audit.record-orphan", where, "is no file of a release")


def _named(info: FileInfo, expected: Digest, *, where: str) -> Iterator[Finding]:
    if info.sha256 not in (None, expected.hex):
        yield Finding(
            "audit.record-altered", where, f"is sha256:{info.sha256}; its name or what is signed says {expected}"
        )


def _list(client: StoredFiles, repository: str) -> Mapping[str, FileInfo]:
    try:
        files: Sequence[FileInfo] = client.listing(repository=repository)
    except RegistryNotFoundError:
        files = ()
    return {item.path: item for item in files}


def _hash(client: StoredFiles, repository: str, path: str) -> str:
    hashed = hashlib.sha256()
    with client.stream(repository=repository, path=path) as download:
        for chunk in download.chunks():
            hashed.update(chunk)
    return hashed.hexdigest()
