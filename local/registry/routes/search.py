"""Search: /api/search/aql and /api/search/checksum. Only what the caller may read is found."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.registry.aql import FIELDS, Query, Row, matches, parse_query, row_of
from local.registry.errors import RefusalError
from local.registry.paths import quoted
from local.registry.state import base_url, registry_of


async def aql(request: Request) -> Response:
    """POST /api/search/aql, text/plain. `range.total` counts the rows that are returned."""
    registry = registry_of(request)
    user = registry.access.caller(request)
    query = parse_query((await request.body()).decode("utf-8", errors="replace"), admin=user.admin)
    rows = [
        row_of(item, registry.items.properties(item.repository, item.path))
        for item in registry.items.every()
        if registry.access.allows(user, item.repository, item.path, "r")
    ]
    found = [row for row in rows if matches(row, query.criteria)]
    if query.sort is not None:
        order, names = query.sort
        found.sort(key=lambda row: [(row.fields[name],) for name in names], reverse=order == "$desc")
    end = None if query.limit is None else query.offset + query.limit
    page = found[query.offset : end]
    told: dict[str, int] = {"start_pos": query.offset, "end_pos": len(page), "total": len(page)}
    if query.limit is not None:
        told["limit"] = query.limit
    return JSONResponse({"results": [_output(row, query) for row in page], "range": told})


def _output(row: Row, query: Query) -> dict[str, object]:
    names = FIELDS if "*" in query.outputs else query.outputs
    found: dict[str, object] = {name: row.fields[name] for name in names if name in row.fields}
    if query.with_properties:
        wanted = {name[1:] for name in query.outputs if name.startswith("@")}
        found["properties"] = [
            {"key": name, "value": value}
            for name, values in row.properties.items()
            for value in values
            if not wanted or name in wanted
        ]
    return found


async def checksum(request: Request) -> Response:
    """GET /api/search/checksum?sha256=...&repos=a,b (or sha1, md5)."""
    registry = registry_of(request)
    user = registry.access.caller(request)
    query = request.query_params
    column = next((name for name in ("sha256", "sha1", "md5") if query.get(name)), None)
    if column is None:
        raise RefusalError(400, "One of md5, sha1, sha256 is needed")
    repositories = [key for key in query.get("repos", "").split(",") if key]
    found = [
        {"uri": f"{base_url(request)}/api/storage/{item.repository}/{quoted(item.path)}"}
        for item in registry.items.with_checksum(column=column, value=query[column].lower())
        if (not repositories or item.repository in repositories)
        and registry.access.allows(user, item.repository, item.path, "r")
    ]
    return JSONResponse({"results": found})


ROUTES = [
    Route("/api/search/aql", aql, methods=["POST"]),
    Route("/api/search/checksum", checksum, methods=["GET"]),
]
