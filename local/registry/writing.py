"""Writing files: permission, write-once and checksums decided in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request

from local.registry.blobs import BlobWriter, Checksums
from local.registry.config import UserConfig
from local.registry.errors import RefusalError
from local.registry.items import Item
from local.registry.state import Registry


async def receive_blob(request: Request, registry: Registry) -> BlobWriter:
    """Read the request's body to its end into a part file, which the caller commits or discards."""
    writer = registry.blobs.writer()
    try:
        async for chunk in request.stream():
            writer.write(chunk)
    except BaseException:
        writer.discard()
        raise
    return writer


async def drain(request: Request) -> None:
    """Read the body and drop it: a refusal in the middle of it would reset the connection."""
    async for _ in request.stream():
        continue


def may_hold(registry: Registry, user: UserConfig, repository: str, path: str, sha256: str) -> None:
    """Whether `user` may let `path` hold this content now.

    Raises:
        RefusalError: 403 without DEPLOY, or when other bytes lie there and the user lacks DELETE; 409 when a folder lies
            there or a file lies on the way.
    """
    registry.access.require(user, repository, path, "w")
    former = registry.items.find(repository, path)
    if former is not None and former.sha256 != sha256 and not registry.access.allows(user, repository, path, "d"):
        raise RefusalError(
            403,
            f"Not enough permissions to overwrite artifact '{repository}:{path}' "
            f"(user '{user.username}' needs DELETE permission).",
        )
    if former is None and registry.items.is_folder(repository, path):
        raise RefusalError(409, f"'{repository}:{path}' is a folder")
    parts = path.split("/")
    for depth in range(1, len(parts)):
        if registry.items.find(repository, "/".join(parts[:depth])) is not None:
            raise RefusalError(409, f"Parent '{repository}:{'/'.join(parts[:depth])}' must be a folder")


def write_item(
    registry: Registry,
    user: UserConfig,
    *,
    repository: str,
    path: str,
    checksums: Checksums,
    properties: Mapping[str, Sequence[str]] | None = None,
) -> Item:
    """Let `path` hold stored content; see `may_hold` for the refusals."""
    may_hold(registry, user, repository, path, checksums.sha256)
    return registry.items.put(
        repository=repository, path=path, checksums=checksums, user=user.username, properties=properties or {}
    )
