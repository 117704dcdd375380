"""Copy and move: POST /api/copy/REPO/PATH?to=/REPO/PATH. As with cp, an existing folder takes the source inside."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.registry.config import UserConfig
from local.registry.errors import RefusalError
from local.registry.items import Item
from local.registry.paths import Target, check_path, target_of
from local.registry.state import Registry, registry_of
from local.registry.writing import may_hold

Pair = tuple[Item, str, str]


async def copy(request: Request) -> Response:
    """POST /api/copy."""
    return _answer(request, move=False)


async def move(request: Request) -> Response:
    """POST /api/move: needs DELETE on the source."""
    return _answer(request, move=True)


def _answer(request: Request, *, move: bool) -> Response:
    registry = registry_of(request)
    user = registry.access.caller(request)
    word = "move" if move else "copy"
    source = target_of(request, prefix=f"/artifactory/api/{word}/")
    destination = _destination(request.query_params.get("to", ""))
    _check_types(registry, source.repository, destination.repository)
    pairs = _plan(registry, source, destination)
    if not pairs:
        message = f"Could not find item {source.repository}:{source.path}"
        return JSONResponse({"messages": [{"level": "ERROR", "message": message}]}, status_code=404)
    allowed, messages = _judge(registry, user, pairs, move=move, fail_fast=request.query_params.get("failFast") == "1")
    if request.query_params.get("dry") != "1":
        registry.items.copy(allowed, user=user.username, move=move)
    if not messages:
        past = "moved" if move else "copied"
        text = (
            f"{word.capitalize()}ing {source.repository}:{source.path} to {destination.repository}:{destination.path} "
            f"completed successfully, {len(pairs)} artifacts and 0 folders were {past}"
        )
        messages = [{"level": "INFO", "message": text}]
    return JSONResponse({"messages": messages})


def _destination(to: str) -> Target:
    repository, _, path = to.lstrip("/").partition("/")
    path = path.rstrip("/")
    check_path(path)
    if not repository:
        raise RefusalError(400, "The parameter 'to' is needed: /REPOSITORY/PATH")
    return Target(repository=repository, path=path, matrix={})


def _check_types(registry: Registry, source: str, destination: str) -> None:
    first, second = registry.access.repository(source), registry.access.repository(destination)
    if second.rclass != "local":
        raise RefusalError(400, f"The target repository '{destination}' is not a local repository")
    if second.package_type not in ("generic", first.package_type):
        raise RefusalError(
            400,
            f"'{source}' is of type {first.package_type}, '{destination}' of type {second.package_type}: "
            "items are copied between repositories of one type, or to a generic one",
        )


def _plan(registry: Registry, source: Target, destination: Target) -> list[Pair]:
    name = source.path.rpartition("/")[2]
    path = destination.path
    if registry.items.find(destination.repository, path) is None and registry.items.is_folder(
        destination.repository, path
    ):
        path = f"{path}/{name}".strip("/")
    item = registry.items.find(source.repository, source.path)
    if item is not None:
        return [(item, destination.repository, path)]
    below = registry.items.below(source.repository, source.path)
    skip = len(source.path)
    return [(entry, destination.repository, f"{path}{entry.path[skip:]}".strip("/")) for entry in below]


def _judge(
    registry: Registry, user: UserConfig, pairs: list[Pair], *, move: bool, fail_fast: bool
) -> tuple[list[Pair], list[dict[str, str]]]:
    allowed: list[Pair] = []
    messages: list[dict[str, str]] = []
    for pair in pairs:
        item, repository, path = pair
        try:
            registry.access.require(user, item.repository, item.path, "r")
            if move:
                registry.access.require(user, item.repository, item.path, "d")
            may_hold(registry, user, repository, path, item.sha256)
        except RefusalError as refusal:
            messages.append({"level": "ERROR", "message": refusal.message})
            if fail_fast:
                break
        else:
            allowed.append(pair)
    return allowed, messages


ROUTES = [
    Route("/api/copy/{path:path}", copy, methods=["POST"]),
    Route("/api/move/{path:path}", move, methods=["POST"]),
]
