"""JFrog Access beside `/artifactory`: create, get and revoke tokens, and exchange an AWS identity for one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.registry.errors import RefusalError
from local.registry.identity import signed_access_key
from local.registry.jsontypes import JsonObject, parse_object
from local.registry.state import Registry, registry_of
from local.registry.tokens import IssuedToken

SCOPE = "applied-permissions/user"
LONGEST = 366 * 86_400


async def create(request: Request) -> Response:
    """POST /access/api/v1/tokens: a user may have a token of its own; an admin one of anybody."""
    registry = registry_of(request)
    caller = registry.access.caller(request)
    body = await _body(request)
    username = body.get("username", caller.username)
    if not isinstance(username, str) or (username != caller.username and not caller.admin):
        raise RefusalError(403, "Non-admins create tokens of themselves only")
    if not registry.access.knows_user(username):
        raise RefusalError(400, f"User {username} does not exist")
    if body.get("scope", SCOPE) != SCOPE:
        raise RefusalError(400, f"scope: {SCOPE} is the one known here")
    return _issue(registry, username=username, expires_in=_seconds(body))


async def one(request: Request) -> Response:
    """GET and DELETE /access/api/v1/tokens/ID; ID `me` is the token that asks."""
    registry = registry_of(request)
    caller = registry.access.caller(request)
    wanted = request.path_params["token_id"]
    if wanted == "me":
        text = request.headers["authorization"].partition(" ")[2].strip()
        found = registry.tokens.find(text)
        if found is None and request.method == "GET":
            return JSONResponse(_described(IssuedToken("configured", caller.username, SCOPE, 0.0)))
    else:
        found = registry.tokens.get(wanted)
    if found is not None and found.username != caller.username and not caller.admin:
        raise RefusalError(403, "The token is another user's")
    if request.method == "DELETE":
        if found is None:
            return Response(status_code=204)
        registry.tokens.revoke(found.token_id)
        return Response(status_code=200)
    if found is None:
        raise RefusalError(404, "Token not found")
    return JSONResponse(_described(found))


async def exchange(request: Request) -> Response:
    """POST /access/api/v1/aws/token[?region=]: the identity that the headers prove, as the user that it is bound to."""
    registry = registry_of(request)
    port = (request.scope.get("server") or ("", 0))[1]
    key = signed_access_key(
        {name.lower(): value for name, value in request.headers.items()},
        region=request.query_params.get("region"),
        host=f"127.0.0.1:{port}",
    )
    username = registry.access.bound_user(access_key=key)
    if username is None:
        raise RefusalError(403, "No user is bound to this IAM role")
    return _issue(registry, username=username, expires_in=_seconds(await _body(request)), named=True)


def _issue(registry: Registry, *, username: str, expires_in: int, named: bool = False) -> Response:
    text, issued = registry.tokens.issue(username=username, scope=SCOPE, expires_in=expires_in)
    found: dict[str, str | int] = {
        "token_id": issued.token_id,
        "access_token": text,
        "expires_in": expires_in,
        "scope": SCOPE,
        "token_type": "Bearer",
    }
    return JSONResponse({**found, "username": username} if named else found)


def _described(found: IssuedToken) -> dict[str, str | int]:
    subject = f"jfac@embedded/users/{found.username}"
    return {"token_id": found.token_id, "subject": subject, "scope": found.scope, "expiry": int(found.expires)}


async def _body(request: Request) -> JsonObject:
    try:
        return parse_object(await request.body())
    except ValueError as error:
        raise RefusalError(400, "a JSON object is needed") from error


def _seconds(body: JsonObject) -> int:
    value = body.get("expires_in", 3600)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LONGEST:
        raise RefusalError(400, "expires_in: seconds, at most a year")
    return value


ROUTES = [
    Route("/api/v1/tokens", create, methods=["POST"]),
    Route("/api/v1/tokens/{token_id}", one, methods=["GET", "DELETE"]),
    Route("/api/v1/aws/token", exchange, methods=["POST"]),
]
