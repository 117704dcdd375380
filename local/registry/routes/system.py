"""Ping, version and the repositories' settings."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.registry.config import RepositoryConfig
from local.registry.state import base_url, registry_of

VERSION = "7.117.14"
"""The version whose behaviour is followed; frogml needs 7.84 at least."""

_NAMES = {
    "machinelearning": "MachineLearning",
    "huggingfaceml": "HuggingFaceML",
    "generic": "Generic",
    "pypi": "PyPI",
    "docker": "Docker",
}


async def ping(request: Request) -> Response:
    """GET /api/system/ping: needs a valid user."""
    registry_of(request).access.caller(request)
    return PlainTextResponse("OK")


async def version(request: Request) -> Response:
    """GET /api/system/version."""
    registry_of(request).access.caller(request)
    return JSONResponse({"version": VERSION, "revision": "embedded", "addons": [], "license": "Weighbridge twin"})


async def repositories(request: Request) -> Response:
    """GET /api/repositories?type=local&packageType=generic: those where the caller may read something."""
    registry = registry_of(request)
    user = registry.access.caller(request)
    wanted = request.query_params
    found = []
    for entry in registry.access.repositories():
        readable = user.admin or registry.access.reads_somewhere(user, entry.key)
        if not readable or wanted.get("type", entry.rclass).lower() != entry.rclass:
            continue
        if wanted.get("packageType", entry.package_type).lower() != entry.package_type:
            continue
        found.append(
            {
                "key": entry.key,
                "type": entry.rclass.upper(),
                "url": entry.url or f"{base_url(request)}/{entry.key}",
                "packageType": _NAMES[entry.package_type],
            }
        )
    return JSONResponse(found)


async def repository(request: Request) -> Response:
    """GET /api/repositories/KEY."""
    registry = registry_of(request)
    registry.access.caller(request)
    return JSONResponse(_settings(registry.access.repository(request.path_params["key"])))


def _settings(entry: RepositoryConfig) -> dict[str, str | bool | list[str]]:
    found: dict[str, str | bool | list[str]] = {
        "key": entry.key,
        "rclass": entry.rclass,
        "packageType": entry.package_type,
        "description": "",
        "repoLayoutRef": "simple-default",
        "environments": list(entry.environments),
    }
    if entry.rclass == "local":
        found["downloadRedirect"] = False
    elif entry.url is not None:
        found["url"] = entry.url
    return found


ROUTES = [
    Route("/api/system/ping", ping),
    Route("/api/system/version", version),
    Route("/api/repositories", repositories),
    Route("/api/repositories/{key}", repository),
]
