"""Webhooks: an administrator's subscriptions. They are kept and told, without their secrets; nothing is sent.

Wire shapes: JFrog Event, /event/api/v1/subscriptions (POST creates, PUT replaces).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.registry.errors import RefusalError
from local.registry.jsontypes import Json, JsonObject, objects, parse_object, text, texts
from local.registry.state import Registry, registry_of


async def subscriptions(request: Request) -> Response:
    """GET and POST /event/api/v1/subscriptions."""
    registry = _administered(request)
    held = registry.access.administration.subscriptions()
    if request.method == "GET":
        return JSONResponse([_told(found) for found in held.values()])
    body = await _checked(request)
    if str(body["key"]) in held:
        raise RefusalError(409, f"Subscription '{body['key']}' already exists")
    registry.access.administration.put_subscription(str(body["key"]), body)
    return JSONResponse(_told(body), status_code=201)


async def subscription(request: Request) -> Response:
    """GET and PUT /event/api/v1/subscriptions/KEY."""
    registry, key = _administered(request), str(request.path_params["key"])
    found = registry.access.administration.subscriptions().get(key)
    if found is None:
        raise RefusalError(404, f"Subscription '{key}' does not exist")
    if request.method == "GET":
        return JSONResponse(_told(found))
    body = await _checked(request)
    if body["key"] != key:
        raise RefusalError(400, "key: cannot be changed")
    registry.access.administration.put_subscription(key, body)
    return Response(status_code=204)


def _told(found: JsonObject) -> JsonObject:
    handlers: list[Json] = [
        {name: value for name, value in handler.items() if name != "secret"}
        for handler in objects(found.get("handlers"), field="handlers")
    ]
    return {**found, "handlers": handlers}


async def _checked(request: Request) -> JsonObject:
    try:
        body = parse_object(await request.body())
        text(body.get("key"), field="key")
        filter_ = body.get("event_filter")
        if not isinstance(filter_, dict) or not isinstance(filter_.get("criteria"), dict):
            raise ValueError("event_filter: an object with criteria is needed")
        text(filter_.get("domain"), field="event_filter.domain")
        if not texts(filter_.get("event_types"), field="event_filter.event_types"):
            raise ValueError("event_filter.event_types: at least one is needed")
        if not objects(body.get("handlers"), field="handlers"):
            raise ValueError("handlers: at least one is needed")
    except ValueError as error:
        raise RefusalError(400, str(error)) from error
    return body


def _administered(request: Request) -> Registry:
    registry = registry_of(request)
    registry.access.administrator(request)
    return registry


ROUTES = [
    Route("/api/v1/subscriptions", subscriptions, methods=["GET", "POST"]),
    Route("/api/v1/subscriptions/{key}", subscription, methods=["GET", "PUT"]),
]
