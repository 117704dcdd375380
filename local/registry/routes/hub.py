"""Hugging Face's API for readers, below /api/huggingfaceml/REPOSITORY: revision, tree and resolve."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.hub.tree import TreeFile
from local.registry.config import UserConfig
from local.registry.errors import RefusalError
from local.registry.hubproxy import HubProxy
from local.registry.hubstore import HubModel, HubStore, hub_missing
from local.registry.sending import file_response
from local.registry.state import Registry, registry_of

PREFIX = "/api/huggingfaceml/{repository}"
BRANCH = "main"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: a model, for whom, and whether what is not cached may be fetched."""

    registry: Registry
    user: UserConfig
    model: HubModel
    revision: str
    may_fetch: bool

    @property
    def store(self) -> HubStore:
        """What is known of hub models."""
        return self.registry.hub.store

    async def commit(self) -> str:
        """The commit of the revision; RefusalError when there is none."""
        if self.model.config.rclass == "remote":
            return await self._proxy.commit(self.model, self.revision, may_fetch=self.may_fetch)
        commit = self.store.commit(self.model, self.revision)
        if commit is None:
            known = self.store.commit(self.model, BRANCH)
            raise hub_missing("RevisionNotFound" if known else "RepoNotFound", f"{self.model.name}@{self.revision}")
        return commit

    async def tree(self, commit: str) -> tuple[TreeFile, ...]:
        """The files of a commit; RefusalError when it is not known."""
        if self.model.config.rclass == "remote":
            return await self._proxy.tree(self.model, commit, may_fetch=self.may_fetch)
        return self.store.tree(self.model, commit) or ()

    @property
    def _proxy(self) -> HubProxy:
        return self.registry.hub


def asked(request: Request, *, action: str = "r") -> Asked:
    """Read a request and check its permission.

    Raises:
        RefusalError: 400, 401, 403 or 404.
    """
    registry = registry_of(request)
    user = registry.access.caller(request)
    parameters = request.path_params
    config = registry.access.repository(parameters["repository"])
    if config.package_type != "huggingfaceml":
        raise RefusalError(400, f"'{config.key}' is not a huggingfaceml repository")
    if not all(_NAME.fullmatch(parameters[part]) for part in ("owner", "model")):
        raise RefusalError(400, f"'{parameters['owner']}/{parameters['model']}' is not the name of a model")
    model = HubModel(config=config, name=f"{parameters['owner']}/{parameters['model']}")
    registry.access.require(user, config.key, model.folder, action)
    return Asked(
        registry=registry,
        user=user,
        model=model,
        revision=parameters.get("revision", BRANCH),
        may_fetch=registry.access.allows(user, config.key, model.folder, "w"),
    )


async def info(request: Request) -> Response:
    """GET .../api/models/ORG/MODEL[/revision/REVISION]."""
    wanted = asked(request)
    commit = await wanted.commit()
    tree = await wanted.tree(commit)
    name = wanted.model.name
    return JSONResponse(
        {
            "_id": commit[:24],
            "id": name,
            "modelId": name,
            "sha": commit,
            "private": False,
            "tags": [],
            "siblings": [{"rfilename": file.path} for file in tree],
        }
    )


async def tree(request: Request) -> Response:
    """GET .../api/models/ORG/MODEL/tree/REVISION[/FOLDER]?recursive=true: files alone, no folders."""
    wanted = asked(request)
    below = request.path_params.get("below", "").strip("/")
    found = await wanted.tree(await wanted.commit())
    if below:
        found = tuple(file for file in found if file.path.startswith(f"{below}/"))
        if not found:
            raise hub_missing("EntryNotFound", f"{below} does not exist")
    skip = len(below) + 1 if below else 0
    deep = request.query_params.get("recursive", "false").lower() == "true"
    return JSONResponse([file.to_json() for file in found if deep or "/" not in file.path[skip:]])


async def resolve(request: Request) -> Response:
    """GET and HEAD .../ORG/MODEL/resolve/REVISION/PATH. A HEAD fetches no content from the hub, but for empty files."""
    wanted = asked(request)
    commit = await wanted.commit()
    path = request.path_params["path"]
    file = next((file for file in await wanted.tree(commit) if file.path == path), None)
    if file is None:
        refusal = hub_missing("EntryNotFound", f"{path} does not exist in {wanted.model.name}@{commit}")
        refusal.headers["X-Repo-Commit"] = commit
        raise refusal
    wanted.registry.access.require(wanted.user, wanted.model.config.key, wanted.model.path(commit, path), "r")
    headers = {"ETag": f'"{file.etag}"', "X-Repo-Commit": commit}
    if file.sha256 is not None:
        headers |= {"X-Linked-ETag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
    item = wanted.store.item(wanted.model, commit, path)
    # huggingface_hub never sends a GET for an empty file: its HEAD has to bring it into the cache.
    if item is None and request.method == "HEAD" and wanted.may_fetch and file.size > 0:
        return Response(headers={**headers, "Content-Length": str(file.size), "Accept-Ranges": "bytes"})
    if item is None:
        item = await wanted.registry.hub.file(
            wanted.model, commit, file, may_fetch=wanted.may_fetch, user=wanted.user.username
        )
    return file_response(wanted.registry, item, headers=headers)


_MODEL = PREFIX + "/api/models/{owner}/{model}"
ROUTES = [
    Route(_MODEL, info),
    Route(_MODEL + "/revision/{revision}", info),
    Route(_MODEL + "/tree/{revision}", tree),
    Route(_MODEL + "/tree/{revision}/{below:path}", tree),
    Route(PREFIX + "/{owner}/{model}/resolve/{revision}/{path:path}", resolve),
]
