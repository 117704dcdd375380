"""The Artifactory calls that weighbridge makes, and no others.

Source of every call: JFrog Artifactory REST API (https://jfrog.com/help/r/jfrog-rest-apis/artifactory-rest-apis).
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import requests

from weighbridge.canonical import JsonObject
from weighbridge.errors import (
    InputError,
    IntegrityError,
    RegistryConflictError,
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
)
from weighbridge.registry.credentials import TokenSource
from weighbridge.registry.download import open_download
from weighbridge.registry.http import Body, Http, Retries, Timeouts
from weighbridge.registry.models import Download, FileInfo, Location, quote_key, quote_path
from weighbridge.registry.upload import Uploads

ANSWER_LIMIT = 64 * 1024 * 1024


class ArtifactoryClient:
    """One identity's view of one Artifactory. `url` ends in `/artifactory`."""

    def __init__(
        self,
        *,
        url: str,
        tokens: TokenSource,
        timeouts: Timeouts | None = None,
        retries: Retries | None = None,
        verify: Path | bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = Http(
            url=url,
            tokens=tokens,
            timeouts=timeouts or Timeouts(),
            retries=retries or Retries(),
            verify=verify,
            sleep=sleep,
        )

    @property
    def url(self) -> str:
        """The registry's URL without a trailing slash."""
        return self._http.url

    @property
    def host(self) -> str:
        """Host, with the port where one is given."""
        return self._http.host

    @property
    def requests_made(self) -> int:
        """HTTP requests sent so far, retries and redirects included."""
        return self._http.requests_made

    @property
    def http(self) -> Http:
        """Credentials, redirect rules, retries and errors, for transfers that read their bodies by themselves."""
        return self._http

    def download_url(self, *, repository: str, path: str) -> str:
        """Return the URL of a file, quoted."""
        return f"{self.url}/{_at(repository, path)}"

    def ping(self) -> None:
        """Ask whether the registry is up (GET /api/system/ping)."""
        self._http.send("GET", "api/system/ping").close()

    def info(self, *, repository: str, path: str) -> FileInfo:
        """Return size and digest of one file (GET /api/storage).

        Raises:
            RegistryNotFoundError: when nothing lies there, or a folder does.
        """
        body = self._json("GET", f"api/storage/{_at(repository, path)}")
        if "size" not in body:
            raise RegistryNotFoundError(f"{repository}/{path} is a folder, not a file", status=404)
        return FileInfo(
            repository=repository, path=path, size=_size(body["size"]), sha256=_sha256(body.get("checksums"))
        )

    def listing(self, *, repository: str, path: str = "") -> tuple[FileInfo, ...]:
        """Return all files below a folder, sorted by path (GET /api/storage?list&deep=1)."""
        where = _at(repository, path) if path else quote_key(repository)
        body = self._json("GET", f"api/storage/{where}?list&deep=1&listFolders=0")
        files = body.get("files")
        if not isinstance(files, list):
            raise RegistryError(f"listing {repository}/{path}: the answer holds no files: is this Artifactory?")
        found = []
        for entry in files:
            if not isinstance(entry, dict) or str(entry.get("folder")).lower() == "true":
                continue
            below = str(entry.get("uri", "")).lstrip("/")
            digest = entry.get("sha2")
            found.append(
                FileInfo(
                    repository=repository,
                    path=f"{path}/{below}" if path else below,
                    size=_size(entry.get("size")),
                    sha256=digest if isinstance(digest, str) else None,
                )
            )
        return tuple(sorted(found, key=lambda file: file.path))

    def read(self, *, repository: str, path: str, limit: int) -> bytes:
        """Return a small file whole.

        Raises:
            IntegrityError: when it is longer than `limit` bytes.
        """
        data = self._http.read("GET", _at(repository, path), limit=limit)
        if len(data) > limit:
            raise IntegrityError(f"{repository}/{path} is longer than the {limit} bytes that such a file may have")
        return data

    @contextmanager
    def stream(
        self, *, repository: str, path: str, start: int = 0, end: int | None = None, if_range: str | None = None
    ) -> Iterator[Download]:
        """Open a file for reading, from byte `start` up to and including byte `end`.

        The answer may be 200 (the whole file) although a range was asked for: look at `status` and `start`.

        Raises:
            RegistryError: when the answer is neither the file nor the range that was asked for.
        """
        headers = {"Accept-Encoding": "identity"}
        ranged = start > 0 or end is not None
        if ranged:
            headers["Range"] = f"bytes={start}-{'' if end is None else end}"
            if if_range:
                headers["If-Range"] = if_range
        answer = self._http.send("GET", _at(repository, path), headers=headers, stream=True)
        try:
            yield open_download(answer, where=f"{repository}/{path}", start=start, end=end, ranged=ranged)
        finally:
            answer.close()

    def deploy_bytes(self, *, repository: str, path: str, data: bytes, overwrite: bool = False) -> FileInfo:
        """Write a small file. Without `overwrite` a path is write-once: the same bytes are success.

        Raises:
            RegistryConflictError: when the path holds other bytes and `overwrite` is false.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        if not overwrite:
            present = self._present(repository=repository, path=path, sha256=sha256)
            if present is not None:
                return present
        return self._deploy(
            repository=repository,
            path=path,
            sha256=sha256,
            body=lambda: data,
            size=len(data),
            overwrite=overwrite,
        )

    def deploy_file(
        self,
        *,
        repository: str,
        path: str,
        source: Path,
        sha256: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> FileInfo:
        """Write a file, by its checksum alone where the registry already has the content.

        Args:
            repository: repository key.
            path: target path.
            source: local file.
            sha256: its digest where known, else it is computed.
            progress: called with the number of bytes sent since the last call; negative when some are sent again.

        Raises:
            InputError: the local file cannot be read.
            RegistryConflictError: when the path already holds other bytes.
        """
        digest, size = _described(source, sha256=sha256)
        present = self._present(repository=repository, path=path, sha256=digest)
        if present is not None:
            return present
        by_checksum = {"X-Checksum-Deploy": "true", "X-Checksum-Sha256": digest}
        answer = self._http.send("PUT", _at(repository, path), headers=by_checksum, body=lambda: b"", accept=(404,))
        if answer.status_code != 404:
            return _deployed(answer, repository=repository, path=path, sha256=digest, size=size)
        return self._deploy(
            repository=repository,
            path=path,
            sha256=digest,
            body=Uploads(source=source, size=size, progress=progress),
            size=size,
            overwrite=False,
        )

    def copy_file(self, *, source: Location, target: Location) -> FileInfo:
        """Copy one file inside the registry to an explicit target path, and compare digests there.

        Raises:
            RegistryConflictError: when the target already holds other bytes.
            IntegrityError: when the digest at the target is not the source's.
        """
        original = self.info(repository=source.repository, path=source.path)
        if original.sha256 is None:
            raise IntegrityError(f"{source}: the registry tells no SHA-256, so a copy of it cannot be checked")
        present = self._present(repository=target.repository, path=target.path, sha256=original.sha256)
        if present is not None:
            return present
        try:
            self._copy(source, target)
        except RegistryError:
            # The copy may have been made although its answer was lost or refused the repetition: what counts lies there.
            present = self._present(repository=target.repository, path=target.path, sha256=original.sha256)
            if present is None:
                raise
        copied = self.info(repository=target.repository, path=target.path)
        if (copied.sha256, copied.size) != (original.sha256, original.size):
            raise IntegrityError(f"{target}: holds {copied.sha256} after copying, {source} holds {original.sha256}")
        return copied

    def properties(self, *, repository: str, path: str) -> Mapping[str, tuple[str, ...]]:
        """Return the properties of an item; empty when it has none."""
        try:
            body = self._json("GET", f"api/storage/{_at(repository, path)}?properties")
        except RegistryNotFoundError as error:
            if "propert" in str(error).lower():
                return {}
            raise
        found = body.get("properties")
        if not isinstance(found, dict):
            return {}
        return {key: tuple(map(str, value if isinstance(value, list) else [value])) for key, value in found.items()}

    def set_properties(self, *, repository: str, path: str, properties: Mapping[str, str | None]) -> None:
        """Set or (with None) remove properties of one item, not of what lies below (PATCH /api/metadata)."""
        where = f"api/metadata/{_at(repository, path)}?recursiveProperties=0&atomicProperties=1"
        data = json.dumps({"props": dict(properties)}).encode()
        self._http.send("PATCH", where, headers={"Content-Type": "application/json"}, body=lambda: data).close()

    def entity_manifest(self, *, repository: str, name: str, version: str) -> JsonObject:
        """Return frogml's manifest of a model version. Its order is not stable and its digests are claims."""
        where = f"{quote_key(repository)}/model/entity-manifest/{quote_path(f'{name}/{version}')}"
        return self._json("GET", f"api/machinelearning/{where}")

    def repository_type(self, *, repository: str) -> str:
        """Return a repository's package type, lower case (GET /api/repositories/KEY)."""
        return str(self._json("GET", f"api/repositories/{quote_key(repository)}").get("packageType", "")).lower()

    def _present(self, *, repository: str, path: str, sha256: str) -> FileInfo | None:
        try:
            found = self.info(repository=repository, path=path)
        except RegistryNotFoundError:
            return None
        if found.sha256 != sha256:
            raise RegistryConflictError(
                f"{repository}/{path} already holds other bytes ({found.sha256}); what is written once is never replaced"
            )
        return found

    def _copy(self, source: Location, target: Location) -> None:
        query = urlencode({"to": f"/{target}", "suppressLayouts": 1, "failFast": 1}, quote_via=quote)
        body = self._json("POST", f"api/copy/{_at(source.repository, source.path)}?{query}")
        messages = body.get("messages")
        for message in messages if isinstance(messages, list) else []:
            if isinstance(message, dict) and str(message.get("level", "")).upper() == "ERROR":
                raise RegistryForbiddenError(f"copying {source} to {target}: {message.get('message')}")

    def _deploy(
        self, *, repository: str, path: str, sha256: str, body: Callable[[], Body], size: int, overwrite: bool
    ) -> FileInfo:
        headers = {"X-Checksum-Sha256": sha256}
        try:
            answer = self._http.send("PUT", _at(repository, path), headers=headers, body=body)
        except (RegistryForbiddenError, RegistryConflictError):
            # Somebody else may have written it meanwhile, or an attempt of ours whose answer was lost.
            present = None if overwrite else self._present(repository=repository, path=path, sha256=sha256)
            if present is None:
                raise
            return present
        return _deployed(answer, repository=repository, path=path, sha256=sha256, size=size)

    def _json(self, method: str, path: str) -> JsonObject:
        what = f"{method} {path.partition('?')[0]}"
        data = self._http.read(method, path, limit=ANSWER_LIMIT)
        if len(data) > ANSWER_LIMIT:
            raise RegistryError(f"{what}: the answer is longer than {ANSWER_LIMIT} bytes")
        try:
            body = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise RegistryError(f"{what}: the answer is not JSON: is this Artifactory?") from error
        if not isinstance(body, dict):
            raise RegistryError(f"{what}: the answer is not a JSON object")
        return body


def _at(repository: str, path: str) -> str:
    return f"{quote_key(repository)}/{quote_path(path)}"


def _size(value: object) -> int:
    if not re.fullmatch(r"[0-9]{1,16}", str(value)):
        raise RegistryError(f"the registry told the size {value!r}, which is not a number")
    return int(str(value))


def _sha256(checksums: object) -> str | None:
    value = checksums.get("sha256") if isinstance(checksums, dict) else None
    return value if isinstance(value, str) else None


def _deployed(answer: requests.Response, *, repository: str, path: str, sha256: str, size: int) -> FileInfo:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        body = {}
    told = _sha256(body.get("checksums")) if isinstance(body, dict) else None
    if told is not None and told != sha256:
        raise IntegrityError(f"{repository}/{path}: the registry stored {told}, {sha256} was sent")
    return FileInfo(repository=repository, path=path, size=size, sha256=sha256)


def _described(source: Path, *, sha256: str | None) -> tuple[str, int]:
    """The digest and the size in bytes of a local file."""
    try:
        if sha256 is not None:
            return sha256, source.stat().st_size
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    except OSError as error:
        raise InputError(f"source: {source} cannot be read ({type(error).__name__}): check the path") from error
