"""What lies in a repository as one model version: frogml's manifest and the listing, which must agree.

frogml adds a file to its manifest before it sends it, swallows the error when sending fails, and commits the manifest
all the same; so a manifest alone proves nothing. Digests here are the registry's claims until they are read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from weighbridge.canonical import Json, JsonObject
from weighbridge.errors import IntegrityError, RegistryNotFoundError
from weighbridge.layout import weights_folder
from weighbridge.registry import ArtifactoryClient, FileInfo

MANIFEST_NAME = "model-manifest.json"

FileKind = Literal["model", "code"]


@dataclass(frozen=True, slots=True)
class LoggedFile:
    """One file of a version. `path` is relative to the version's folder, `size` in bytes, `sha256` 64 hex digits.

    `kind` is `code` for frogml's code archive, its dependency files and its own manifest.
    """

    path: str
    size: int
    sha256: str
    kind: FileKind


def logged_files(*, client: ArtifactoryClient, repository: str, name: str, version: str) -> tuple[LoggedFile, ...]:
    """Return every file of a version, sorted by path, after manifest and listing were compared.

    Raises:
        RegistryNotFoundError: when nothing is logged as this version.
        IntegrityError: rule `refused.integrity`, when a file that the manifest names is missing or differs, or a file
            lies there that it does not name.
    """
    what = f"{repository}/{weights_folder(name=name, version=version)}"
    try:
        manifest = client.entity_manifest(repository=repository, name=name, version=version)
        listing = client.listing(repository=repository, path=weights_folder(name=name, version=version))
    except RegistryNotFoundError as error:
        raise RegistryNotFoundError(
            f"{what}: no model version is logged there: upload {name}:{version} with `weighbridge upload` first",
            status=404,
        ) from error
    prefix = f"{weights_folder(name=name, version=version)}/"
    present = {info.path.removeprefix(prefix): info for info in listing}
    return _compare(manifest, present, what=what)


def artifacts(manifest: JsonObject, *, what: str) -> list[tuple[str, int, str]]:
    """Return (path, size, SHA-256 hex) of every model file that frogml's manifest names.

    Raises:
        IntegrityError: when an entry of `what`'s manifest lacks one of them.
    """
    return _artifacts(manifest.get("model_artifacts"), what=what)


def _compare(manifest: JsonObject, present: Mapping[str, FileInfo], *, what: str) -> tuple[LoggedFile, ...]:
    found: dict[str, LoggedFile] = {}
    missing: list[str] = []
    for path, size, sha256 in artifacts(manifest, what=what):
        info = present.get(path)
        if info is None or info.size != size or info.sha256 not in (None, sha256):
            missing.append(path)
        else:
            found[path] = LoggedFile(path=path, size=size, sha256=sha256, kind="model")
    code = manifest.get("code_artifacts")
    dependencies = manifest.get("dependency_artifacts")
    extra = [*(code if isinstance(code, list) else [code]), *(dependencies if isinstance(dependencies, list) else [])]
    for path, size, sha256 in _artifacts([item for item in extra if item is not None], what=what):
        # Their folder is the server's choice (codeUploadPath, dependenciesUploadPath), so they are found by content.
        place = _place(present, path=path, size=size, sha256=sha256)
        if place is None:
            missing.append(path)
        else:
            found[place] = LoggedFile(path=place, size=size, sha256=sha256, kind="code")
    own = present.get(MANIFEST_NAME)
    if own is not None and own.sha256 is not None:
        found[MANIFEST_NAME] = LoggedFile(path=MANIFEST_NAME, size=own.size, sha256=own.sha256, kind="code")
    if missing:
        raise IntegrityError(
            f"{what}: {len(missing)} of the files that were logged cannot be read back as they were logged: "
            f"{', '.join(sorted(missing)[:5])}: upload again"
        )
    foreign = sorted(set(present) - set(found))
    if foreign:
        raise IntegrityError(
            f"{what}: {foreign[0]!r} lies there without being in frogml's manifest: upload another version, and find "
            "out who wrote it"
        )
    return tuple(found[path] for path in sorted(found))


def _place(present: Mapping[str, FileInfo], *, path: str, size: int, sha256: str) -> str | None:
    for place in sorted(present):
        info = present[place]
        if (place == path or place.endswith(f"/{path}")) and info.size == size and info.sha256 in (None, sha256):
            return place
    return None


def _artifacts(entries: Json, *, what: str) -> list[tuple[str, int, str]]:
    found = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            path, size, checksums = entry.get("artifact_path"), entry.get("size"), entry.get("checksums")
            sha256 = checksums.get("sha2") if isinstance(checksums, dict) else None
            if isinstance(path, str) and isinstance(size, int) and isinstance(sha256, str):
                found.append((path, size, sha256))
                continue
        raise IntegrityError(f"{what}: frogml's manifest holds an entry without path, size and digest")
    return found
