"""Log a folder as one model version into `incoming`, and believe it only when every byte was read back."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from weighbridge.errors import InputError, IntegrityError, RegistryConflictError, RegistryNotFoundError
from weighbridge.layout import weights_folder
from weighbridge.names import check_name
from weighbridge.registration.frogml_storage import FrogmlStorage, ModelStorage
from weighbridge.registration.job_record import JOB_RECORD_PATH, JobRecord
from weighbridge.registration.logged import MANIFEST_NAME, LoggedFile, artifacts, logged_files
from weighbridge.registration.properties import frogml_properties
from weighbridge.registration.readback import Progress, read_back
from weighbridge.registry import ArtifactoryClient, FileInfo, TokenSource
from weighbridge.release import check_paths, files_in, hash_file

IGNORED = frozenset(
    name.casefold()
    for name in (
        ".DS_Store", "CVS", ".cvsignore", "SCCS", "vssver.scc", ".svn", ".git", ".gitignore", ".gitattributes",
        ".gitmodules", ".gitkeep", ".gitconfig", MANIFEST_NAME, "dataset-manifest.json",
    )
)  # fmt: skip
"""Names of files and folders that frogml leaves out in silence (FROG_ML_IGNORED_FILES of frogml 2.1.152)."""


@dataclass(frozen=True, slots=True)
class UploadReport:
    """What lies in `repository` now, read back. `bytes` is the sum of the sizes of `files` files, record included.

    `ignored` are files of the folder that were not logged (what version control leaves behind), `unfitting` the claims
    that stand in the job record alone because frogml's properties cannot hold them. `already_there` tells that the
    version had been uploaded before.
    """

    name: str
    version: str
    repository: str
    files: int
    bytes: int
    ignored: tuple[str, ...]
    unfitting: tuple[str, ...]
    already_there: bool


def upload(
    *,
    folder: Path,
    name: str,
    version: str,
    repository: str,
    record: JobRecord,
    client: ArtifactoryClient,
    token: str | TokenSource,
    progress: Progress | None = None,
    storage: ModelStorage | None = None,
) -> UploadReport:
    """Log `folder` and `record` as NAME:VERSION with frogml, then read every file back and compare it byte for byte.

    Repeating a call that was cut off completes it.

    Args:
        folder: the model's files; links are refused.
        repository: the repository `incoming`, of type machinelearning.
        client: the registry, as the identity that uploads; `token` is the same identity's, for frogml: a source, where an
            upload may outlast one token.
        progress: called with the number of bytes read back since the last call.
        storage: what logs; None for the real frogml.

    Raises:
        InputError: a bad name, folder or file name; nothing was written.
        RegistryConflictError: the version exists with other bytes.
        IntegrityError: something that was logged cannot be read back as it was sent.
        RegistryError: the registry or frogml could not do it.
    """
    check_name(name, field="model name")
    check_name(version, field="version")
    files, ignored = _files(folder)
    properties, unfitting = frogml_properties(record)
    own = folder / JOB_RECORD_PATH
    if own.is_file() and own.read_bytes() != record.to_bytes():
        raise InputError(f"{own}: is another job record than the one to upload: remove it, or upload it as the record")
    with tempfile.TemporaryDirectory(prefix="weighbridge-upload-") as place:
        staged = _stage(files, record=record, place=Path(place))
        wanted = {path: _logged(path, source) for path, source in staged.items()}
        there = _completed(client, repository, name=name, version=version, wanted=wanted, staged=staged)
        if not there:
            door = storage or FrogmlStorage(url=client.url, token=token)
            door.log(folder=Path(place), repository=repository, name=name, version=version, properties=properties)
    _verify(client, repository, name=name, version=version, wanted=wanted, progress=progress)
    return UploadReport(
        name=name,
        version=version,
        repository=repository,
        files=len(wanted),
        bytes=sum(item.size for item in wanted.values()),
        ignored=ignored,
        unfitting=unfitting,
        already_there=there,
    )


def _files(folder: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder: name the folder that holds the model's files", rule="input.path")
    found = files_in(folder)
    ignored = {path for path in found if any(part.casefold() in IGNORED for part in path.split("/"))}
    kept = {path: source for path, source in found.items() if path not in ignored and path != JOB_RECORD_PATH}
    if not kept:
        raise InputError(f"{folder}: holds no file to upload", rule="input.path")
    check_paths([*kept, JOB_RECORD_PATH])
    for path in kept:
        if "%" in path or "#" in path:
            raise InputError(
                f"path {path!r} holds '%' or '#', which frogml does not quote: rename it", rule="input.path"
            )
    return kept, tuple(sorted(ignored))


def _stage(files: Mapping[str, Path], *, record: JobRecord, place: Path) -> dict[str, Path]:
    # Links, because frogml logs one folder: no copy of the weights, and the record beside them without touching it.
    staged: dict[str, Path] = {}
    for path, source in files.items():
        staged[path] = place / path
        staged[path].parent.mkdir(parents=True, exist_ok=True)
        staged[path].symlink_to(source.absolute())
    staged[JOB_RECORD_PATH] = place / JOB_RECORD_PATH
    staged[JOB_RECORD_PATH].write_bytes(record.to_bytes())
    return staged


def _logged(path: str, source: Path) -> LoggedFile:
    found = hash_file(source)
    return LoggedFile(path=path, size=found.size, sha256=found.digest.hex, kind="model")


def _completed(
    client: ArtifactoryClient,
    repository: str,
    *,
    name: str,
    version: str,
    wanted: Mapping[str, LoggedFile],
    staged: Mapping[str, Path],
) -> bool:
    """Whether the version is there already; files that an earlier upload lost are sent now."""
    folder = weights_folder(name=name, version=version)
    try:
        manifest = client.entity_manifest(repository=repository, name=name, version=version)
        listing = client.listing(repository=repository, path=folder)
    except RegistryNotFoundError:
        return False
    present = {info.path.removeprefix(f"{folder}/"): info for info in listing}
    present.pop(MANIFEST_NAME, None)
    logged = {path: sha256 for path, _, sha256 in artifacts(manifest, what=f"{repository}/{folder}")}
    different = sorted(path for path, info in present.items() if not _same(wanted.get(path), info))
    different += sorted(path for path in wanted.keys() | logged if logged.get(path) != _sha256(wanted.get(path)))
    if different:
        raise RegistryConflictError(
            f"{repository}/{folder} exists with other bytes ({different[0]!r} differs): upload under another version"
        )
    for path in sorted(set(wanted) - set(present)):
        client.deploy_file(
            repository=repository, path=f"{folder}/{path}", source=staged[path], sha256=wanted[path].sha256
        )
    return True


def _sha256(file: LoggedFile | None) -> str | None:
    return None if file is None else file.sha256


def _same(wanted: LoggedFile | None, info: FileInfo) -> bool:
    return wanted is not None and wanted.size == info.size and info.sha256 in (None, wanted.sha256)


def _verify(
    client: ArtifactoryClient,
    repository: str,
    *,
    name: str,
    version: str,
    wanted: Mapping[str, LoggedFile],
    progress: Progress | None,
) -> None:
    folder = weights_folder(name=name, version=version)
    found = {
        item.path: item
        for item in logged_files(client=client, repository=repository, name=name, version=version)
        if item.kind == "model"
    }
    wrong = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
    if wrong:
        raise IntegrityError(
            f"{repository}/{folder}: {len(wrong)} files are not there as they were sent: {', '.join(wrong[:5])}: "
            "upload again"
        )
    read_back(client=client, repository=repository, folder=folder, files=tuple(wanted.values()), progress=progress)
