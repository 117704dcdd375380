"""The endpoints that huggingface_hub reads a model with: revision, tree and resolve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from local.hub.tree import TreeFile, commit_of, read_tree

BRANCH = "main"


@dataclass(frozen=True, slots=True)
class HubRepository:
    """One model repository with one revision. `name` is `ORG/MODEL`."""

    name: str
    folder: Path
    files: tuple[TreeFile, ...]
    revision: str

    def file(self, path: str) -> TreeFile | None:
        """The file at `path`, or None."""
        return next((file for file in self.files if file.path == path), None)


def open_repository(*, name: str, folder: Path) -> HubRepository:
    """Describe `folder` as a repository."""
    files = read_tree(folder)
    return HubRepository(name=name, folder=folder, files=files, revision=commit_of(files))


def hub_application(repository: HubRepository) -> Starlette:
    """The hub with this one repository. It asks for no token, as the hub does for public models."""
    app = Starlette(
        routes=[
            Route("/api/models/{owner}/{model}", info),
            Route("/api/models/{owner}/{model}/revision/{revision}", info),
            Route("/api/models/{owner}/{model}/tree/{revision}", tree),
            Route("/api/models/{owner}/{model}/tree/{revision}/{below:path}", tree),
            Route("/{owner}/{model}/resolve/{revision}/{path:path}", resolve),
        ]
    )
    app.state.repository = repository
    return app


async def info(request: Request) -> Response:
    """The revision's commit and its files."""
    repository = _repository(request)
    if isinstance(repository, Response):
        return repository
    return JSONResponse(
        {
            "_id": repository.revision[:24],
            "id": repository.name,
            "modelId": repository.name,
            "author": repository.name.partition("/")[0],
            "sha": repository.revision,
            "private": False,
            "gated": False,
            "disabled": False,
            "tags": [],
            "siblings": [{"rfilename": file.path} for file in repository.files],
        }
    )


async def tree(request: Request) -> Response:
    """The files below a folder, and with `recursive=true` all of them (folders are not listed)."""
    repository = _repository(request)
    if isinstance(repository, Response):
        return repository
    below = request.path_params.get("below", "")
    skip = len(below) + 1 if below else 0
    deep = request.query_params.get("recursive", "false").lower() == "true"
    found = [file for file in repository.files if not below or file.path.startswith(f"{below}/")]
    if below and not found:
        return error("EntryNotFound", f"{below} does not exist")
    return JSONResponse([file.to_json() for file in found if deep or "/" not in file.path[skip:]])


async def resolve(request: Request) -> Response:
    """One file, whole or in part."""
    repository = _repository(request)
    if isinstance(repository, Response):
        return repository
    file = repository.file(request.path_params["path"])
    if file is None:
        return error("EntryNotFound", "Entry not found", commit=repository.revision)
    return FileResponse(
        repository.folder / file.path, media_type="application/octet-stream", headers=hub_headers(file, repository)
    )


def hub_headers(file: TreeFile, repository: HubRepository) -> dict[str, str]:
    """What huggingface_hub takes a file's identity from."""
    headers = {"ETag": f'"{file.etag}"', "X-Repo-Commit": repository.revision}
    if file.sha256 is not None:
        headers |= {"X-Linked-ETag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
    return headers


def error(code: str, message: str, *, commit: str | None = None) -> Response:
    """404 with the header that decides which exception huggingface_hub raises."""
    headers = {"X-Error-Code": code, "X-Error-Message": message}
    if commit is not None:
        headers["X-Repo-Commit"] = commit
    return JSONResponse({"error": message}, status_code=404, headers=headers)


def _repository(request: Request) -> HubRepository | Response:
    repository = request.app.state.repository
    assert isinstance(repository, HubRepository)
    parameters = request.path_params
    if f"{parameters['owner']}/{parameters['model']}" != repository.name:
        return error("RepoNotFound", "Repository not found")
    if parameters.get("revision", BRANCH) not in (BRANCH, repository.revision):
        return error("RevisionNotFound", f"Invalid rev id: {parameters['revision']}")
    return repository
