"""Download, deploy and delete: /REPOSITORY/PATH."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.registry.blobs import Checksums
from local.registry.config import UserConfig
from local.registry.errors import RefusalError, not_found
from local.registry.items import Item
from local.registry.paths import Target, quoted, target_of
from local.registry.sending import file_response, mime_type
from local.registry.state import Registry, base_url, registry_of
from local.registry.writing import drain, may_hold, receive_blob, write_item

_COLUMNS = {32: "md5", 40: "sha1", 64: "sha256"}


async def content(request: Request) -> Response:
    """GET, HEAD, PUT and DELETE of one path."""
    registry = registry_of(request)
    target = target_of(request, prefix="/artifactory/")
    if request.method == "PUT":
        return await _put(request, registry, target)
    user = registry.access.caller(request)
    registry.access.repository(target.repository)
    if request.method == "DELETE":
        registry.access.require(user, target.repository, target.path, "d")
        if registry.items.remove(target.repository, target.path) == 0:
            raise not_found(target.repository, target.path)
        return Response(status_code=204)
    registry.access.require(user, target.repository, target.path, "r")
    item = registry.items.find(target.repository, target.path)
    if item is None:
        raise not_found(target.repository, target.path)
    return file_response(registry, item)


async def _put(request: Request, registry: Registry, target: Target) -> Response:
    try:
        user = registry.access.caller(request)
        _check_deployable(registry, user, target)
        by_checksum = request.headers.get("x-checksum-deploy", "").lower() == "true"
    except RefusalError:
        await drain(request)
        raise
    item = await (_deploy_by_checksum if by_checksum else _deploy)(request, registry, user, target)
    return JSONResponse(created(item, base=base_url(request)), status_code=201)


def _check_deployable(registry: Registry, user: UserConfig, target: Target) -> None:
    if registry.access.repository(target.repository).rclass != "local":
        raise RefusalError(405, f"Repository '{target.repository}' is a remote: nothing can be deployed to it")
    if not target.path:
        raise RefusalError(400, "A path inside the repository is needed")
    registry.access.require(user, target.repository, target.path, "w")


async def _deploy(request: Request, registry: Registry, user: UserConfig, target: Target) -> Item:
    writer = await receive_blob(request, registry)
    found = writer.checksums()
    try:
        for header, actual in (
            ("x-checksum-sha256", found.sha256), ("x-checksum-sha1", found.sha1), ("x-checksum-md5", found.md5),
        ):  # fmt: skip
            given = request.headers.get(header, actual).lower()
            if given != actual:
                raise RefusalError(
                    409,
                    f"Checksum error for '{target.repository}:{target.path}': received '{given}', actual '{actual}'",
                )
        may_hold(registry, user, target.repository, target.path, found.sha256)
    except RefusalError:
        writer.discard()
        raise
    return write_item(
        registry,
        user,
        repository=target.repository,
        path=target.path,
        checksums=writer.commit(),
        properties=target.matrix,
    )


async def _deploy_by_checksum(request: Request, registry: Registry, user: UserConfig, target: Target) -> Item:
    await drain(request)
    names = ("x-checksum-sha256", "x-checksum-sha1", "x-checksum")
    digest = next((request.headers[name].lower() for name in names if name in request.headers), "")
    if not re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}", digest):
        raise RefusalError(400, "Checksum deploy needs one of X-Checksum-Sha256, X-Checksum-Sha1, X-Checksum")
    known = registry.items.with_checksum(column=_COLUMNS[len(digest)], value=digest)
    source = next((item for item in known if registry.access.allows(user, item.repository, item.path, "r")), None)
    if source is None or not registry.blobs.path(source.sha256).exists():
        raise RefusalError(404, f"Checksum deploy failed. No existing file with checksum: {digest}")
    return write_item(
        registry,
        user,
        repository=target.repository,
        path=target.path,
        checksums=Checksums(sha256=source.sha256, sha1=source.sha1, md5=source.md5, size=source.size),
        properties=target.matrix,
    )


def created(item: Item, *, base: str) -> dict[str, object]:
    """ItemCreated and the main part of FileInfo; sizes are strings."""
    checksums = {"sha1": item.sha1, "md5": item.md5, "sha256": item.sha256}
    return {
        "repo": item.repository,
        "path": f"/{item.path}",
        "created": item.created,
        "createdBy": item.created_by,
        "downloadUri": f"{base}/{item.repository}/{quoted(item.path)}",
        "mimeType": mime_type(item.name),
        "size": str(item.size),
        "checksums": checksums,
        "originalChecksums": checksums,
        "uri": f"{base}/api/storage/{item.repository}/{quoted(item.path)}",
    }


ROUTES = [Route("/{path:path}", content, methods=["GET", "HEAD", "PUT", "DELETE"])]
