"""The two applications of a registry: itself, and the second origin that redirected downloads go to."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from local.registry.access import Access
from local.registry.administration import Administration
from local.registry.blobs import BlobStore
from local.registry.config import RegistryConfig
from local.registry.errors import RefusalError, answer_refusal, error_body
from local.registry.gate import Gate
from local.registry.hubproxy import HubProxy
from local.registry.hubstore import HubStore
from local.registry.items import ItemStore
from local.registry.routes import (
    administration,
    content,
    control,
    copying,
    events,
    hub,
    hubupload,
    machinelearning,
    search,
    storage,
    system,
    tokens,
)
from local.registry.state import Registry, registry_of
from local.registry.tokens import TokenStore


def open_registry(*, folder: Path, config: RegistryConfig) -> Registry:
    """Open or create the registry in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    blobs = BlobStore(folder=folder)
    blobs.clear_parts()
    items = ItemStore(folder=folder)
    proxy = HubProxy(store=HubStore(items), items=items, blobs=blobs)
    issued = TokenStore(folder=folder)
    return Registry(
        folder=folder,
        access=Access(config, administration=Administration(folder=folder), tokens=issued),
        blobs=blobs,
        items=items,
        hub=proxy,
        tokens=issued,
    )


def registry_application(registry: Registry) -> ASGIApp:
    """Artifactory's API under `/artifactory`, Access under `/access`, and the control endpoint beside them."""
    api = [
        *administration.ROUTES,
        *system.ROUTES,
        *storage.ROUTES,
        *copying.ROUTES,
        *machinelearning.ROUTES,
        *hub.ROUTES,
        *hubupload.ROUTES,
        *search.ROUTES,
        Route("/api/{rest:path}", _unknown, methods=["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]),
        *content.ROUTES,
    ]
    return _gated(
        [
            *control.ROUTES,
            Mount("/access", routes=[*administration.ACCESS_ROUTES, *tokens.ROUTES]),
            Mount("/event", routes=events.ROUTES),
            Mount("/artifactory", routes=api),
        ],
        registry,
        origin="registry",
    )


def storage_application(registry: Registry) -> ASGIApp:
    """Files by ticket, as object storage behind signed URLs: any Authorization header is refused with 400."""
    return _gated([Route("/signed/{ticket}", _signed)], registry, origin="storage")


def _gated(routes: list[Route | Mount], registry: Registry, *, origin: str) -> ASGIApp:
    app = Starlette(routes=routes, exception_handlers={RefusalError: answer_refusal, HTTPException: _http_error})
    app.state.registry = registry
    return Gate(app, registry=registry, origin=origin)


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse(error_body(error.status_code, error.detail), status_code=error.status_code)


async def _unknown(request: Request) -> Response:
    registry_of(request).access.caller(request)
    raise RefusalError(404, f"{request.method} {request.url.path} is not part of this registry")


async def _signed(request: Request) -> Response:
    registry = registry_of(request)
    if "authorization" in request.headers:
        return PlainTextResponse("Only one auth mechanism allowed", status_code=400)
    where = registry.faults.redeem(request.path_params["ticket"])
    item = registry.items.find(*where) if where is not None else None
    if item is None:
        return PlainTextResponse("NoSuchKey", status_code=404)
    return FileResponse(registry.blobs.path(item.blob), headers={"ETag": f'"{item.md5}"'})
