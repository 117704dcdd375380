"""The administrator's calls: repositories, permission targets V2, environments, users, and IAM role bindings.

Wire shapes: JFrog REST APIs (repositories; permission targets V2, 6.6.0), and Access (environments; users and groups V2;
aws/iam_role, 7.90.10). Users are told, never made; there are no groups.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.registry.administration import ACTIONS, PermissionTarget
from local.registry.config import RepositoryConfig
from local.registry.errors import RefusalError
from local.registry.jsontypes import Json, JsonObject, parse_object, text, texts
from local.registry.state import Registry, registry_of

_ROLE = re.compile(r"arn:aws:iam::\d{12}:role/[\w+=,.@:-]+")


async def create_repository(request: Request) -> Response:
    """PUT /api/repositories/KEY: 400 when there is one of that key, as in Artifactory."""
    registry, body, key = await _read(request)
    if _repository(registry, key) is not None:
        raise RefusalError(400, f"Case insensitive repository key already exists: {key}")
    registry.access.administration.put_repository(_configured(key, body))
    return PlainTextResponse(f"Successfully created repository '{key}' \n")


async def change_repository(request: Request) -> Response:
    """POST /api/repositories/KEY: what the body leaves out stays."""
    registry, body, key = await _read(request)
    found = _repository(registry, key)
    if found is None:
        raise RefusalError(404, f"Repository '{key}' does not exist")
    held: JsonObject = {
        "rclass": found.rclass, "packageType": found.package_type, "url": found.url,
        "environments": list(found.environments),
    }  # fmt: skip
    for name in ("rclass", "packageType"):
        if body.get(name, held[name]) != held[name]:
            raise RefusalError(400, f"Cannot change {name} of repository '{key}'")
    registry.access.administration.put_repository(_configured(key, {**held, **body}))
    return PlainTextResponse(f"Successfully updated repository '{key}' \n")


async def targets(request: Request) -> Response:
    """GET /api/v2/security/permissions."""
    registry = _administered(request)
    base = str(request.url).rstrip("/")
    held = registry.access.administration.targets()
    return JSONResponse([{"name": found.name, "uri": f"{base}/{found.name}"} for found in held])


async def target(request: Request) -> Response:
    """GET /api/v2/security/permissions/NAME."""
    registry, name = _administered(request), request.path_params["key"]
    found = _target(registry, name)
    if found is None:
        raise RefusalError(404, f"Could not find permission target '{name}'")
    return JSONResponse(found.fields())


async def put_target(request: Request) -> Response:
    """POST creates a permission target (201; 409 when there is one), PUT replaces it (200)."""
    registry, body, name = await _read(request)
    creating = request.method == "POST"
    if creating and _target(registry, name) is not None:
        raise RefusalError(409, f"Permission target '{name}' already exists")
    registry.access.administration.put_target(_granted(registry, name, body))
    return Response(status_code=201 if creating else 200)


async def environments(request: Request) -> Response:
    """GET and POST /access/api/v1/environments."""
    registry = _administered(request)
    administration = registry.access.administration
    if request.method == "GET":
        return JSONResponse([{"name": name} for name in administration.environments()])
    name = _asked(parse_object(await request.body()), "name")
    if name in administration.environments():
        raise RefusalError(409, f"Environment '{name}' already exists")
    administration.add_environment(name)
    return JSONResponse({"name": name}, status_code=201)


async def user(request: Request) -> Response:
    """GET /access/api/v2/users/NAME."""
    registry, name = _administered(request), request.path_params["key"]
    if not registry.access.knows_user(name):
        raise RefusalError(404, f"User '{name}' does not exist")
    return JSONResponse({"username": name, "status": "enabled"})


async def group(request: Request) -> Response:
    """GET /access/api/v2/groups/NAME: there are none."""
    _administered(request)
    raise RefusalError(404, f"Group '{request.path_params['key']}' does not exist")


async def bound_role(request: Request) -> Response:
    """GET /access/api/v1/aws/iam_role/USER."""
    registry, name = _administered(request), request.path_params["key"]
    role = registry.access.administration.role_of(name)
    if role is None:
        raise RefusalError(404, f"No IAM role is bound to user '{name}'")
    return JSONResponse({"username": name, "iam_role": role})


async def bind_role(request: Request) -> Response:
    """PUT /access/api/v1/aws/iam_role: one role for each user; a role's ARN has no path."""
    registry = _administered(request)
    body = parse_object(await request.body())
    name, role = _asked(body, "username"), _asked(body, "iam_role")
    if not registry.access.knows_user(name):
        raise RefusalError(404, f"User '{name}' does not exist")
    if not _ROLE.fullmatch(role):
        raise RefusalError(400, f"iam_role: '{role}' is not the ARN of a role without a path")
    registry.access.administration.bind_role(name, role)
    return Response(status_code=200)


def _administered(request: Request) -> Registry:
    registry = registry_of(request)
    registry.access.administrator(request)
    return registry


async def _read(request: Request) -> tuple[Registry, JsonObject, str]:
    registry = _administered(request)
    try:
        return registry, parse_object(await request.body()), str(request.path_params["key"])
    except ValueError as error:
        raise RefusalError(400, f"The body is not JSON: {error}") from error


def _repository(registry: Registry, key: str) -> RepositoryConfig | None:
    return next((entry for entry in registry.access.repositories() if entry.key.lower() == key.lower()), None)


def _target(registry: Registry, name: str) -> PermissionTarget | None:
    return next((found for found in registry.access.administration.targets() if found.name == name), None)


def _configured(key: str, body: JsonObject) -> RepositoryConfig:
    try:
        return RepositoryConfig(
            key=key,
            rclass=text(body.get("rclass"), field="rclass"),
            package_type=text(body.get("packageType"), field="packageType"),
            url=None if body.get("url") is None else text(body["url"], field="url"),
            environments=texts(body.get("environments", []), field="environments"),
        )
    except ValueError as error:
        raise RefusalError(400, str(error)) from error


def _granted(registry: Registry, name: str, body: JsonObject) -> PermissionTarget:
    try:
        scope = _object(body.get("repo"), "repo")
        granted = _object(scope.get("actions"), "repo.actions")
        users = _object(granted.get("users", {}), "repo.actions.users")
        actions = {who: texts(words, field=f"repo.actions.users.{who}") for who, words in users.items()}
        found = PermissionTarget(
            name=name,
            repositories=texts(scope.get("repositories"), field="repo.repositories"),
            includes=texts(scope.get("include-patterns", ["**"]), field="repo.include-patterns"),
            actions=actions,
        )
    except ValueError as error:
        raise RefusalError(400, str(error)) from error
    _check_granted(registry, found, groups=_object(granted.get("groups", {}), "repo.actions.groups"))
    if any(pattern for pattern in texts(scope.get("exclude-patterns", []), field="repo.exclude-patterns")):
        raise RefusalError(400, "repo.exclude-patterns: not supported by this registry")
    return found


def _check_granted(registry: Registry, found: PermissionTarget, *, groups: JsonObject) -> None:
    unknown = [who for who in found.actions if not registry.access.knows_user(who)] + list(groups)
    if unknown:
        raise RefusalError(400, f"Permission target contains a reference to a non-existing principal '{unknown[0]}'")
    for key in found.repositories:
        if _repository(registry, key) is None:
            raise RefusalError(400, f"Permission target contains a reference to a non-existing repository '{key}'")
    words = {word for given in found.actions.values() for word in given} - set(ACTIONS)
    if words:
        raise RefusalError(400, f"Permission target contains an unknown action '{sorted(words)[0]}'")


def _object(value: Json, field: str) -> JsonObject:
    if not isinstance(value, dict):
        raise RefusalError(400, f"{field}: an object is needed")
    return value


def _asked(body: JsonObject, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise RefusalError(400, f"{name}: a string is needed")
    return value


ROUTES = [
    Route("/api/repositories/{key}", create_repository, methods=["PUT"]),
    Route("/api/repositories/{key}", change_repository, methods=["POST"]),
    Route("/api/v2/security/permissions", targets, methods=["GET"]),
    Route("/api/v2/security/permissions/{key}", target, methods=["GET"]),
    Route("/api/v2/security/permissions/{key}", put_target, methods=["POST", "PUT"]),
]
ACCESS_ROUTES = [
    Route("/api/v1/environments", environments, methods=["GET", "POST"]),
    Route("/api/v2/users/{key}", user, methods=["GET"]),
    Route("/api/v2/groups/{key}", group, methods=["GET"]),
    Route("/api/v1/aws/iam_role/{key}", bound_role, methods=["GET"]),
    Route("/api/v1/aws/iam_role", bind_role, methods=["PUT"]),
]
