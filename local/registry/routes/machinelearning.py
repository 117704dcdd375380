"""frogml's upload transaction and entity manifest, for models and datasets.

Where JFrog documents nothing, the client's own checks say what must hold: files end up in `models/NAME/VERSION/`, the
manifest beside them, and the manifest that is read back names a download URL for each file.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.registry.errors import RefusalError, not_found
from local.registry.jsontypes import Json, JsonObject, parse_object
from local.registry.paths import quoted
from local.registry.state import Registry, base_url, registry_of
from local.registry.writing import may_hold, write_item

MANIFEST_LIMIT = 16 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Entity:
    """One version of a model or data set; `kind` is `model` or `dataset`, `name` may hold a namespace."""

    repository: str
    kind: str
    name: str
    version: str

    @property
    def folder(self) -> str:
        """Where its files lie."""
        return f"{self.kind}s/{self.name}/{self.version}"

    @property
    def manifest(self) -> str:
        """Where its manifest lies."""
        return f"{self.folder}/{self.kind}-manifest.json"

    def draft(self, transaction: str) -> str:
        """Where the files of an open transaction lie; frogml reads the version out of this path."""
        return f"{self.kind}s/{self.name}/tmp/{self.version}/{transaction}"  # noqa: S108 - a path inside the repository


async def start(request: Request) -> Response:
    """POST .../start-transaction[/VERSION]."""
    registry = registry_of(request)
    user = registry.access.caller(request)
    now = str(int(time.time() * 1000))
    parts = request.path_params["name"].split("/")
    entity = _entity(request, registry, "/".join(parts), request.path_params.get("version", now))
    registry.access.require(user, entity.repository, entity.folder, "w")
    transaction = now
    while registry.items.is_folder(entity.repository, entity.draft(transaction)):
        transaction = str(int(transaction) + 1)
    draft = entity.draft(transaction)
    return JSONResponse(
        {
            "filesUploadPath": f"{draft}/files",
            "leadUploadPath": f"{draft}/lead",
            "dependenciesUploadPath": f"{draft}/dependencies",
            "codeUploadPath": f"{draft}/code",
            "transactionId": transaction,
        }
    )


async def commit(request: Request) -> Response:
    """PUT .../entity-manifest/NAME/VERSION/TRANSACTION: all files appear in the version's folder at once."""
    registry = registry_of(request)
    parts = request.path_params["rest"].split("/")
    body = await request.body()
    user = registry.access.caller(request)
    if len(parts) < 3 or len(body) > MANIFEST_LIMIT:
        raise RefusalError(400, "A name, a version and a transaction are needed, and a manifest of at most 16 MiB")
    entity = _entity(request, registry, "/".join(parts[:-2]), parts[-2])
    manifest, properties = _parts(request.headers.get("content-type", ""), body, kind=entity.kind)
    draft = entity.draft(parts[-1])
    moves = [
        (item, entity.repository, _final_path(entity, item.path[len(draft) + 1 :]))
        for item in registry.items.below(entity.repository, draft)
    ]
    registry.access.require(user, entity.repository, entity.folder, "w")
    for item, repository, path in moves:
        may_hold(registry, user, repository, path, item.sha256)
    checksums = registry.blobs.put(manifest)
    may_hold(registry, user, entity.repository, entity.manifest, checksums.sha256)
    registry.items.copy(moves, user=user.username, move=True)
    write_item(
        registry,
        user,
        repository=entity.repository,
        path=entity.manifest,
        checksums=checksums,
        properties={name: (str(value),) for name, value in properties.items()},
    )
    return Response(status_code=201)


async def read(request: Request) -> Response:
    """GET .../entity-manifest/NAME/VERSION: the manifest with `id`, `version` and a `download_url` for each file."""
    registry = registry_of(request)
    user = registry.access.caller(request)
    name, _, version = request.path_params["rest"].rpartition("/")
    entity = _entity(request, registry, name, version)
    registry.access.require(user, entity.repository, entity.folder, "r")
    item = registry.items.find(entity.repository, entity.manifest)
    if item is None:
        raise not_found(entity.repository, entity.manifest)
    document = parse_object(registry.blobs.read(item.blob))
    artifacts = document.get(f"{entity.kind}_artifacts")
    base = f"{base_url(request)}/{entity.repository}/{entity.folder}"
    listed = [
        {**artifact, "download_url": f"{base}/{quoted(str(artifact.get('artifact_path')))}"}
        for artifact in (artifacts if isinstance(artifacts, list) else [])
        if isinstance(artifact, dict)
    ]
    document |= {"id": name, "version": version, f"{entity.kind}_artifacts": listed}
    return JSONResponse(document)


def _entity(request: Request, registry: Registry, name: str, version: str) -> Entity:
    repository, kind = request.path_params["repository"], request.path_params["kind"]
    found = registry.access.repository(repository)
    if found.package_type != "machinelearning" or kind not in ("model", "dataset"):
        raise RefusalError(400, f"'{repository}' is no machinelearning repository, or '{kind}' no kind of entity")
    if not all(_NAME.fullmatch(part) for part in (*name.split("/"), version)):
        raise RefusalError(400, f"'{name}' or '{version}' is not a valid name")
    return Entity(repository=repository, kind=kind, name=name, version=version)


def _final_path(entity: Entity, draft_path: str) -> str:
    section, _, path = draft_path.partition("/")
    return f"{entity.folder}/{path}" if section == "files" else f"{entity.folder}/{section}/{path}"


def _parts(content_type: str, body: bytes, *, kind: str) -> tuple[bytes, JsonObject]:
    """The two parts of frogml's multipart body: the manifest's bytes, and the properties (`null` for none)."""
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body
    )
    found: dict[str, bytes] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            found[str(part.get_param("name", header="content-disposition"))] = payload
    manifest = found.get(f"{kind}Manifest")
    try:
        if manifest is None:
            raise ValueError("missing")
        parse_object(manifest)
        properties: Json = json.loads(found.get("additionalData", b"null"))
    except ValueError as error:
        raise RefusalError(400, f"The part {kind}Manifest is missing, or a part is not JSON") from error
    return manifest, dict(properties) if isinstance(properties, dict) else {}


_PREFIX = "/api/machinelearning/{repository}/{kind}"
ROUTES = [
    Route(_PREFIX + "/{name:path}/start-transaction", start, methods=["POST"]),
    Route(_PREFIX + "/{name:path}/start-transaction/{version}", start, methods=["POST"]),
    Route(_PREFIX + "/entity-manifest/{rest:path}", commit, methods=["PUT"]),
    Route(_PREFIX + "/entity-manifest/{rest:path}", read, methods=["GET"]),
]
