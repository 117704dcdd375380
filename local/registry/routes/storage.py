"""File and folder info, listings and properties: /api/storage and /api/metadata."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.registry.errors import RefusalError, not_found
from local.registry.items import Item
from local.registry.jsontypes import Json, parse_object
from local.registry.paths import Target, quoted, target_of
from local.registry.propertytext import parse_properties
from local.registry.routes.content import created
from local.registry.state import Registry, base_url, registry_of

_STORAGE = "/artifactory/api/storage/"
_METADATA = "/artifactory/api/metadata/"


async def read(request: Request) -> Response:
    """GET: file info, folder info, `?list`, `?properties`."""
    registry, target = _open(request, prefix=_STORAGE, action="r")
    query = request.query_params
    if "properties" in query:
        return JSONResponse(_properties(registry, target, wanted=query["properties"], base=base_url(request)))
    item = registry.items.find(target.repository, target.path)
    if "list" in query:
        if item is not None:
            raise RefusalError(400, f"Expected a folder but found a file, for '{target.repository}:{target.path}'")
        return JSONResponse(_listing(request, registry, target))
    if item is not None:
        return JSONResponse(_file_info(item, base=base_url(request)))
    return JSONResponse(_folder_info(registry, target, base=base_url(request)))


async def write_properties(request: Request) -> Response:
    """PUT ?properties=k=v1,v2;k2=v and DELETE ?properties=k1,k2. On folders, `recursive` is 1 unless 0 is asked."""
    registry, target = _open(request, prefix=_STORAGE, action="n")
    text = request.query_params.get("properties", "")
    if request.method == "DELETE":
        changes: dict[str, tuple[str, ...] | None] = dict.fromkeys(filter(None, text.split(",")))
    else:
        changes = dict(parse_properties(text))
    if not changes:
        raise RefusalError(400, "No properties are given")
    _change(registry, target, changes, recursive=request.query_params.get("recursive", "1") != "0")
    return Response(status_code=204)


async def patch_metadata(request: Request) -> Response:
    """PATCH /api/metadata {"props": {"k": "v", "gone": null}}; recursive unless recursiveProperties=0."""
    registry, target = _open(request, prefix=_METADATA, action="n")
    try:
        props = parse_object(await request.body()).get("props")
    except ValueError as error:
        raise RefusalError(400, "The body is not a JSON object") from error
    if not isinstance(props, dict):
        raise RefusalError(400, 'The body needs {"props": {...}}')
    changes = {name: _values(value) for name, value in props.items()}
    _change(registry, target, changes, recursive=request.query_params.get("recursiveProperties", "1") != "0")
    return Response(status_code=204)


def _open(request: Request, *, prefix: str, action: str) -> tuple[Registry, Target]:
    registry = registry_of(request)
    user = registry.access.caller(request)
    target = target_of(request, prefix=prefix)
    registry.access.repository(target.repository)
    registry.access.require(user, target.repository, target.path, action)
    there = registry.items.find(target.repository, target.path) or registry.items.is_folder(
        target.repository, target.path
    )
    if not there:
        raise not_found(target.repository, target.path)
    return registry, target


def _change(registry: Registry, target: Target, changes: dict[str, tuple[str, ...] | None], *, recursive: bool) -> None:
    below = registry.items.below(target.repository, target.path) if recursive else []
    registry.items.change_properties(
        repository=target.repository, paths=[target.path, *(item.path for item in below)], changes=changes
    )


def _values(value: Json) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(str(entry) for entry in value)
    return (str(value),)


def _properties(registry: Registry, target: Target, *, wanted: str, base: str) -> dict[str, object]:
    found = registry.items.properties(target.repository, target.path)
    if wanted:
        found = {name: values for name, values in found.items() if name in wanted.split(",")}
    if not found:
        raise RefusalError(404, "No properties could be found.")
    return {"properties": found, "uri": _uri(base, target)}


def _uri(base: str, target: Target) -> str:
    return f"{base}/api/storage/{target.repository}/{quoted(target.path)}".rstrip("/")


def _file_info(item: Item, *, base: str) -> dict[str, object]:
    return {
        **created(item, base=base),
        "lastModified": item.modified,
        "modifiedBy": item.modified_by,
        "lastUpdated": item.modified,
    }


def _folder_info(registry: Registry, target: Target, *, base: str) -> dict[str, object]:
    below = registry.items.below(target.repository, target.path)
    skip = len(target.path) + 1 if target.path else 0
    names: dict[str, bool] = {}
    for item in below:
        name, slash, _ = item.path[skip:].partition("/")
        names[name] = bool(slash)
    first = min((item.created for item in below), default="1970-01-01T00:00:00.000Z")
    last = max((item.modified for item in below), default=first)
    return {
        "repo": target.repository,
        "path": f"/{target.path}",
        "created": first,
        "lastModified": last,
        "lastUpdated": last,
        "children": [{"uri": f"/{name}", "folder": folder} for name, folder in sorted(names.items())],
        "uri": _uri(base, target),
    }


def _listing(request: Request, registry: Registry, target: Target) -> dict[str, object]:
    query = request.query_params
    deep = query.get("deep", "0") == "1"
    skip = len(target.path) + 1 if target.path else 0
    files: list[dict[str, object]] = []
    folders: dict[str, str] = {}
    for item in registry.items.below(target.repository, target.path):
        relative = item.path[skip:]
        parts = relative.split("/")
        for depth in range(1, len(parts) if deep else min(len(parts), 2)):
            folders.setdefault("/".join(parts[:depth]), item.created)
        if deep or len(parts) == 1:
            files.append(
                {
                    "uri": f"/{relative}",
                    "size": item.size,
                    "lastModified": item.modified,
                    "folder": False,
                    "sha1": item.sha1,
                    "sha2": item.sha256,
                }
            )
    if query.get("listFolders", "0") == "1":
        files += [
            {"uri": f"/{path}", "size": -1, "lastModified": created_at, "folder": True}
            for path, created_at in folders.items()
        ]
    return {"uri": _uri(base_url(request), target), "files": sorted(files, key=lambda file: str(file["uri"]))}


ROUTES = [
    Route("/api/storage/{path:path}", read, methods=["GET"]),
    Route("/api/storage/{path:path}", write_properties, methods=["PUT", "DELETE"]),
    Route("/api/metadata/{path:path}", patch_metadata, methods=["PATCH"]),
]
