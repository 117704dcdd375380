"""Hugging Face's API for writers, into a local huggingfaceml repository, without Xet: preupload, LFS, commit."""

from __future__ import annotations

import base64
import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.hub.tree import TreeFile, commit_of, in_lfs, lfs_file, tree_file
from local.registry.blobs import Checksums
from local.registry.errors import RefusalError
from local.registry.jsontypes import JsonObject, objects, parse_object, text
from local.registry.paths import check_path
from local.registry.routes.hub import PREFIX, Asked, asked
from local.registry.state import base_url, registry_of
from local.registry.writing import receive_blob


def _writer(request: Request) -> Asked:
    wanted = asked(request, action="w")
    if wanted.model.config.rclass != "local":
        raise RefusalError(405, f"'{wanted.model.config.key}' is a remote: nothing can be committed to it")
    return wanted


def _head(wanted: Asked) -> tuple[str, dict[str, TreeFile]]:
    commit = wanted.store.commit(wanted.model, wanted.revision) or ""
    return commit, {file.path: file for file in wanted.store.tree(wanted.model, commit) or ()}


async def _object(request: Request) -> JsonObject:
    try:
        return parse_object(await request.body())
    except ValueError as error:
        raise RefusalError(400, "The body is not a JSON object") from error


async def preupload(request: Request) -> Response:
    """POST .../preupload/REVISION: how each file is to be sent, and what lies there now."""
    wanted = _writer(request)
    _, present = _head(wanted)
    answer = []
    for entry in objects((await _object(request)).get("files"), field="files"):
        path, size = text(entry.get("path"), field="files.path"), entry.get("size")
        large = in_lfs(path, size if isinstance(size, int) else 0)
        found: dict[str, object] = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
        if path in present:
            found["oid"] = present[path].etag
        answer.append(found)
    return JSONResponse({"files": answer})


async def lfs_batch(request: Request) -> Response:
    """POST .../ORG/MODEL.git/info/lfs/objects/batch: an upload URL for each object that is not yet there."""
    wanted = _writer(request)
    registry = wanted.registry
    answer = []
    for entry in objects((await _object(request)).get("objects"), field="objects"):
        oid, size = text(entry.get("oid"), field="objects.oid"), entry.get("size")
        found: dict[str, object] = {"oid": oid, "size": size}
        if _checksums(wanted, oid) is None:
            ticket = secrets.token_hex(16)
            registry.lfs_tickets[ticket] = oid
            href = f"{base_url(request)}/api/huggingfaceml/{wanted.model.config.key}/lfs/{ticket}"
            found["actions"] = {"upload": {"href": href}}
        answer.append(found)
    return JSONResponse({"transfer": "basic", "objects": answer}, media_type="application/vnd.git-lfs+json")


async def lfs_put(request: Request) -> Response:
    """PUT .../lfs/TICKET: the URL itself is the permission, as a signed one's is."""
    registry = registry_of(request)
    writer = await receive_blob(request, registry)
    oid = registry.lfs_tickets.get(request.path_params["ticket"])
    if oid is None or writer.checksums().sha256 != oid:
        writer.discard()
        raise RefusalError(400, "The upload URL is not known, or the bytes are not those that were announced")
    registry.lfs_uploads[oid] = writer.commit()
    return Response(status_code=200)


async def commit(request: Request) -> Response:
    """POST .../commit/REVISION (application/x-ndjson): a new commit whose files appear at once."""
    wanted = _writer(request)
    body = await request.body()
    parent, files = _head(wanted)
    contents: dict[str, Checksums] = {}
    try:
        for line in body.splitlines():
            operation = parse_object(line)
            value = operation.get("value")
            _apply(wanted, str(operation.get("key")), dict(value) if isinstance(value, dict) else {}, files, contents)
    except ValueError as error:
        raise RefusalError(400, f"The commit is not understood: {error}") from error
    new = commit_of(files.values(), parent=parent)
    _store(wanted, parent=parent, commit=new, files=files, contents=contents)
    endpoint = f"{base_url(request)}/api/huggingfaceml/{wanted.model.config.key}"
    return JSONResponse(
        {"success": True, "commitOid": new, "commitUrl": f"{endpoint}/{wanted.model.name}/commit/{new}"}
    )


async def validate_yaml(request: Request) -> Response:
    """POST .../api/validate-yaml: asked for a README.md before a commit; the front matter is not judged here."""
    registry_of(request).access.caller(request)
    return JSONResponse({"errors": [], "warnings": []})


def _apply(
    wanted: Asked, key: str, value: JsonObject, files: dict[str, TreeFile], contents: dict[str, Checksums]
) -> None:
    if key == "header":
        return
    path = text(value.get("path"), field=f"{key}.path")
    check_path(path)
    if key == "file":
        data = base64.b64decode(text(value.get("content"), field="file.content"), validate=True)
        contents[path] = wanted.registry.blobs.put(data)
        files[path] = tree_file(path=path, data=data)
    elif key == "lfsFile":
        oid = text(value.get("oid"), field="lfsFile.oid")
        checksums = _checksums(wanted, oid)
        if checksums is None:
            raise ValueError(f"{path}: the object {oid} was not uploaded")
        contents[path] = checksums
        files[path] = lfs_file(path=path, size=checksums.size, sha256=oid)
    elif key == "deletedFile":
        files.pop(path, None)
    elif key == "deletedFolder":
        for name in [name for name in files if name.startswith(path.rstrip("/") + "/")]:
            del files[name]
    else:
        raise ValueError(f"the operation {key!r} is not known")


def _store(
    wanted: Asked, *, parent: str, commit: str, files: dict[str, TreeFile], contents: dict[str, Checksums]
) -> None:
    model, items = wanted.model, wanted.registry.items
    kept = [wanted.store.item(model, parent, path) for path in files if path not in contents]
    skip = len(model.path(parent, ""))
    items.copy(
        [(item, model.repository, model.path(commit, item.path[skip:])) for item in kept if item],
        user=wanted.user.username,
    )
    for path, checksums in contents.items():
        if path in files:
            items.put(
                repository=model.repository,
                path=model.path(commit, path),
                checksums=checksums,
                user=wanted.user.username,
                properties={},
            )
    wanted.store.remember(model, commit=commit, revision=wanted.revision, tree=list(files.values()))


def _checksums(wanted: Asked, oid: str) -> Checksums | None:
    """The stored content with this SHA-256, where the caller may read it or has just uploaded it."""
    uploaded = wanted.registry.lfs_uploads.get(oid)
    if uploaded is not None:
        return uploaded
    access = wanted.registry.access
    for item in wanted.registry.items.with_checksum(column="sha256", value=oid):
        if access.allows(wanted.user, item.repository, item.path, "r"):
            return Checksums(sha256=item.sha256, sha1=item.sha1, md5=item.md5, size=item.size)
    return None


_MODEL = PREFIX + "/api/models/{owner}/{model}"
ROUTES = [
    Route(_MODEL + "/preupload/{revision}", preupload, methods=["POST"]),
    Route(_MODEL + "/commit/{revision}", commit, methods=["POST"]),
    Route(PREFIX + "/{owner}/{model}.git/info/lfs/objects/batch", lfs_batch, methods=["POST"]),
    Route(PREFIX + "/lfs/{ticket}", lfs_put, methods=["PUT"]),
    Route(PREFIX + "/api/validate-yaml", validate_yaml, methods=["POST"]),
]
