"""Pull a base model through the registry's Hugging Face proxy: pinned, complete, and with every large file verified.

huggingface_hub 2.4 compares sizes only, so the SHA-256 that the hub's tree listing gives for each LFS file is compared
here. Small files carry no SHA-256 on the hub; their digests are recorded with the model and inspected by the registrar.
"""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

from weighbridge.errors import (
    InputError,
    IntegrityError,
    RegistryAuthError,
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
    RegistryUnavailableError,
    WeighbridgeError,
)
from weighbridge.jobs.proxies import HUB_ENVIRONMENT
from weighbridge.names import check_revision
from weighbridge.registry import TokenSource
from weighbridge.release import BaseModel, hash_file


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file as the hub lists it: size in bytes; `sha256` (hex) for files in LFS, else None."""

    path: str
    size: int
    sha256: str | None


class Hub(Protocol):
    """What is needed of a hub."""

    def tree(self, *, repository: str, revision: str) -> Sequence[HubFile]:
        """Return every file of a revision."""

    def download(self, *, repository: str, revision: str, folder: Path, patterns: Sequence[str] | None) -> None:
        """Write the files of a revision, those that match `patterns` where given, into `folder`."""


class HuggingFaceHub:
    """The real huggingface_hub against `endpoint`. A token is handed over per call and stands in no variable.

    huggingface_hub keeps one token for a whole download. When that ends in the middle, the download goes on with another.
    """

    def __init__(self, *, endpoint: str, tokens: TokenSource) -> None:
        self._endpoint = endpoint
        self._tokens = tokens

    def tree(self, *, repository: str, revision: str) -> Sequence[HubFile]:
        """See `Hub.tree`: one request, GET .../tree/REVISION."""
        hub = _import_hub()
        repo_file = importlib.import_module("huggingface_hub.hf_api").RepoFile
        api = hub.HfApi(endpoint=self._endpoint, token=self._tokens.token())
        entries = api.list_repo_tree(repository, revision=revision, recursive=True)
        return [
            HubFile(path=entry.path, size=entry.size, sha256=entry.lfs.sha256 if entry.lfs else None)
            for entry in entries
            if isinstance(entry, repo_file)
        ]

    def download(self, *, repository: str, revision: str, folder: Path, patterns: Sequence[str] | None) -> None:
        """See `Hub.download`. Files that are complete are not fetched again when a token has ended."""
        hub, arrived = _import_hub(), -1
        while True:
            token = self._tokens.token()
            try:
                hub.snapshot_download(
                    repository, revision=revision, local_dir=folder, endpoint=self._endpoint, token=token,
                    allow_patterns=None if patterns is None else list(patterns),
                )  # fmt: skip
                return
            except Exception as error:
                before, arrived = arrived, _arrived(folder)
                if not _is_refused_token(error) or arrived == before or self._tokens.refresh() == token:
                    raise


def pull_base_model(
    *, hub: Hub, base: BaseModel, folder: Path, patterns: Sequence[str] | None = None
) -> Mapping[str, str]:
    """Pull `base` into `folder` and return the SHA-256 (hex) of each file by its path.

    Args:
        patterns: shell patterns of the files that are wanted; None for all. Hidden files are left out always.

    Raises:
        InputError: the revision is not 40 hex digits.
        RegistryForbiddenError: a policy blocks the model; the message holds the proxy's own words.
        RegistryError: the proxy could not answer.
        IntegrityError: a file is missing, of another size, or of another digest than the hub's listing says.
    """
    check_revision(base.revision, field="base model revision")
    try:
        listed = hub.tree(repository=base.repository, revision=base.revision)
        hub.download(repository=base.repository, revision=base.revision, folder=folder, patterns=patterns)
    except WeighbridgeError:
        raise
    except Exception as error:
        raise translate(error, what=f"{base.repository}@{base.revision}") from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    (folder / ".gitattributes").unlink(missing_ok=True)
    return _verified(folder, listed=[file for file in listed if _wanted(file.path, patterns)], base=base)


def translate(error: Exception, *, what: str) -> RegistryError:
    """Return the registry error behind a huggingface_hub error, which names a refused download "check your connection"."""
    for cause in _chain(error):
        response = getattr(cause, "response", None)
        status = getattr(response, "status_code", None)
        if isinstance(status, int):
            words = " ".join(str(getattr(response, "text", "")).split())[:500]
            message = f"{what}: the hub proxy answered {status}: {words}"
            if status == 403:
                return RegistryForbiddenError(f"{message} (a permission or a blocking policy)", status=status)
            if status == 404:
                return RegistryNotFoundError(message, status=status)
            if status == 401:
                return RegistryAuthError(message, status=status)
            return RegistryUnavailableError(message, status=status)
    root = list(_chain(error))[-1]
    return RegistryUnavailableError(f"{what}: the hub proxy could not be read: {type(root).__name__}: {root}")


def _verified(folder: Path, *, listed: Sequence[HubFile], base: BaseModel) -> dict[str, str]:
    found = {}
    for file in listed:
        path = folder / file.path
        if not path.is_file():
            raise IntegrityError(f"{base.repository}@{base.revision}: {file.path} did not arrive")
        digest = hash_file(path)
        if digest.size != file.size:
            raise IntegrityError(f"{base.repository}: {file.path} has {digest.size} bytes, the hub lists {file.size}")
        if file.sha256 is not None and digest.digest.hex != file.sha256:
            raise IntegrityError(
                f"{base.repository}: {file.path} hashes to {digest.digest.hex}, the hub lists {file.sha256}"
            )
        found[file.path] = digest.digest.hex
    if not found:
        raise IntegrityError(f"{base.repository}@{base.revision}: the hub lists none of the wanted files")
    return found


def _wanted(path: str, patterns: Sequence[str] | None) -> bool:
    from fnmatch import fnmatch

    if any(part.startswith(".") for part in path.split("/")):
        return False
    return patterns is None or any(fnmatch(path, pattern) for pattern in patterns)


def _arrived(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file() and ".cache" not in path.parts)


def _is_refused_token(error: Exception) -> bool:
    return any(getattr(getattr(cause, "response", None), "status_code", None) == 401 for cause in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _import_hub() -> ModuleType:
    for name, value in HUB_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if not importlib.import_module("huggingface_hub.constants").HF_HUB_DISABLE_XET:
        raise InputError(
            "HF_HUB_DISABLE_XET: must be 1 before huggingface_hub is imported: set it in the job's environment"
        )
    return importlib.import_module("huggingface_hub")
