"""The switches for tests and the demo: /control/faults and /control/requests, for an admin's token. Not Artifactory's."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.registry.errors import RefusalError
from local.registry.fault import parse_fault
from local.registry.jsontypes import parse_object
from local.registry.state import Registry, registry_of


def _admin(request: Request) -> Registry:
    registry = registry_of(request)
    if not registry.access.caller(request).admin:
        raise RefusalError(403, "The control endpoint needs an admin's token")
    return registry


async def faults(request: Request) -> Response:
    """POST adds one, GET shows all with their hits, DELETE removes all."""
    registry = _admin(request)
    if request.method == "POST":
        try:
            registry.faults.add(parse_fault(parse_object(await request.body())))
        except ValueError as error:
            raise RefusalError(400, str(error)) from error
        return Response(status_code=201)
    if request.method == "DELETE":
        registry.faults.clear()
        return Response(status_code=204)
    return JSONResponse(registry.faults.state())


async def requests(request: Request) -> Response:
    """GET ?since=N: the requests after number N, oldest first."""
    registry = _admin(request)
    return JSONResponse(registry.log.since(int(request.query_params.get("since", "0"))))


ROUTES = [
    Route("/control/faults", faults, methods=["GET", "POST", "DELETE"]),
    Route("/control/requests", requests, methods=["GET"]),
]
