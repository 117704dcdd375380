"""The caching proxy in front of a hub: what it fetched once it answers with the hub gone.

The caller's token never goes to the hub. A commit (40 hex digits) never changes, so it is asked for once.
"""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from urllib.parse import quote

from local.hub.tree import TreeFile
from local.registry.blobs import BlobStore, BlobWriter
from local.registry.errors import RefusalError
from local.registry.hubstore import HubModel, HubStore, hub_missing, parse_tree
from local.registry.items import Item, ItemStore
from local.registry.jsontypes import Json

COMMIT = re.compile(r"[0-9a-f]{40}")
SECONDS = 30.0
_CHUNK = 1024 * 1024
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


@dataclass(slots=True)
class HubProxy:
    """Fetches from the hub into the registry."""

    store: HubStore
    items: ItemStore
    blobs: BlobStore
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def commit(self, model: HubModel, revision: str, *, may_fetch: bool) -> str:
        """The commit that `revision` names: a branch is asked for anew, unless the hub is gone or fetching forbidden.

        Raises:
            RefusalError: 403 or 404.
        """
        known = self.store.commit(model, revision)
        if known is not None and (COMMIT.fullmatch(revision) or not may_fetch):
            return known
        try:
            document = await self._json(model, f"revision/{quote(revision, safe='')}", may_fetch=may_fetch)
        except RefusalError as refusal:
            if known is None or "X-Error-Code" in refusal.headers:
                raise
            return known
        commit = document.get("sha") if isinstance(document, Mapping) else None
        if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
            raise RefusalError(502, f"The hub named no commit for {model.name}@{revision}")
        self.store.remember(model, commit=commit, revision=revision)
        return commit

    async def tree(self, model: HubModel, commit: str, *, may_fetch: bool) -> tuple[TreeFile, ...]:
        """Every file of a commit.

        Raises:
            RefusalError: 403 or 404.
        """
        known = self.store.tree(model, commit)
        if known is not None:
            return known
        try:
            tree = parse_tree(
                await self._json(model, f"tree/{commit}?recursive=true&expand=false", may_fetch=may_fetch)
            )
        except (ValueError, KeyError) as error:
            raise RefusalError(502, f"The hub's listing of {model.name}@{commit} is not understood") from error
        self.store.remember(model, commit=commit, tree=tree)
        return tree

    async def file(self, model: HubModel, commit: str, file: TreeFile, *, may_fetch: bool, user: str) -> Item:
        """The stored file, fetched first where it is not yet there; two callers at once fetch it once.

        Raises:
            RefusalError: 403, 404, or 502 when the hub sent another size than it listed.
        """
        path = model.path(commit, file.path)
        async with self._locks.setdefault(f"{model.repository}/{path}", asyncio.Lock()):
            known = self.store.item(model, commit, file.path)
            if known is not None:
                return known
            url = f"{self._upstream(model, may_fetch)}/{model.name}/resolve/{commit}/{quote(file.path)}"
            writer = self.blobs.writer()
            try:
                await asyncio.to_thread(_download, url, writer)
                if writer.checksums().size != file.size:
                    raise RefusalError(
                        502, f"The hub sent {writer.checksums().size} of {file.size} bytes of {file.path}"
                    )
            except BaseException:
                writer.discard()
                raise
            return self.items.put(
                repository=model.repository, path=path, checksums=writer.commit(), user=user, properties={}
            )

    async def _json(self, model: HubModel, what: str, *, may_fetch: bool) -> Json:
        url = f"{self._upstream(model, may_fetch)}/api/models/{model.name}/{what}"
        return await asyncio.to_thread(_read_json, url)

    def _upstream(self, model: HubModel, may_fetch: bool) -> str:
        if not may_fetch:
            raise RefusalError(
                403,
                f"Forbidden: {model.name} is not cached in '{model.config.key}'; fetching it needs DEPLOY permission.",
            )
        if model.config.url is None:
            raise RefusalError(404, f"The repository '{model.config.key}' is offline and does not hold {model.name}")
        return model.config.url.rstrip("/")


def _read_json(url: str) -> Json:
    found: Json = None
    while True:
        with _open(url) as answer:
            page: Json = json.loads(answer.read())
            following = _NEXT.search(answer.headers.get("Link", ""))
        found = [*found, *page] if isinstance(found, list) and isinstance(page, list) else page
        if following is None:
            return found
        url = following.group(1)


def _download(url: str, writer: BlobWriter) -> None:
    try:
        with _open(url) as answer:
            while data := answer.read(_CHUNK):
                writer.write(data)
    except OSError as error:
        raise RefusalError(502, f"The hub's answer was cut: {type(error).__name__}") from error


def _open(url: str) -> HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "weighbridge-registry"})  # noqa: S310
    try:
        answer = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=SECONDS)
        assert isinstance(answer, HTTPResponse)
        return answer
    except urllib.error.HTTPError as error:
        code = error.headers.get("X-Error-Code")
        if code is not None and error.code == 404:
            raise hub_missing(code, error.headers.get("X-Error-Message", "not found")) from error
        raise RefusalError(404, f"The hub answered {error.code} for {url}") from error
    except OSError as error:
        raise RefusalError(
            404, f"The hub is not reachable, and the item is not cached: {type(error).__name__}"
        ) from error
