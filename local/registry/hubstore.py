"""Hugging Face repositories inside the registry: revisions and trees as documents, files as items.

A file of a commit lies at `models/ORG/MODEL/COMMIT/PATH`; what a remote repository `KEY` holds lies in `KEY-cache`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from local.hub.tree import TreeFile
from local.registry.access import CACHE_SUFFIX
from local.registry.config import RepositoryConfig
from local.registry.errors import RefusalError
from local.registry.items import Item, ItemStore
from local.registry.jsontypes import Json


@dataclass(frozen=True, slots=True)
class HubModel:
    """One model of one repository. `repository` is where its items lie."""

    config: RepositoryConfig
    name: str

    @property
    def repository(self) -> str:
        """The repository that holds the items."""
        return self.config.key + CACHE_SUFFIX if self.config.rclass == "remote" else self.config.key

    @property
    def folder(self) -> str:
        """The folder of the model."""
        return f"models/{self.name}"

    def path(self, commit: str, path: str) -> str:
        """Where one file of a commit lies."""
        return f"{self.folder}/{commit}/{path}"


class HubStore:
    """What is known of hub models."""

    def __init__(self, items: ItemStore) -> None:
        self._items = items

    def commit(self, model: HubModel, revision: str) -> str | None:
        """The commit that a revision names, as far as it is known here."""
        return self._items.document(model.repository, f"revision/{model.name}/{revision}")

    def tree(self, model: HubModel, commit: str) -> tuple[TreeFile, ...] | None:
        """The files of a commit, or None when it is not known."""
        text = self._items.document(model.repository, f"tree/{model.name}/{commit}")
        return None if text is None else parse_tree(json.loads(text))

    def item(self, model: HubModel, commit: str, path: str) -> Item | None:
        """The stored file, or None."""
        return self._items.find(model.repository, model.path(commit, path))

    def remember(
        self,
        model: HubModel,
        *,
        commit: str,
        revision: str | None = None,
        tree: Sequence[TreeFile] | None = None,
    ) -> None:
        """Keep what a revision names, and what a commit holds."""
        documents = {f"revision/{model.name}/{commit}": commit}
        if revision is not None:
            documents[f"revision/{model.name}/{revision}"] = commit
        if tree is not None:
            documents[f"tree/{model.name}/{commit}"] = json.dumps([file.to_json() for file in tree])
        self._items.put_documents(model.repository, documents)


def parse_tree(value: Json) -> tuple[TreeFile, ...]:
    """Read the files of a tree listing.

    Raises:
        ValueError: when it is no such listing.
    """
    found = []
    for entry in value if isinstance(value, list) else [None]:
        if not isinstance(entry, dict):
            raise ValueError("the tree is not a list of objects")
        if entry.get("type") != "file":
            continue
        lfs = entry.get("lfs")
        size = entry.get("size")
        found.append(
            TreeFile(
                path=str(entry["path"]),
                size=size if isinstance(size, int) else 0,
                oid=str(entry["oid"]),
                sha256=str(lfs["oid"]) if isinstance(lfs, dict) else None,
            )
        )
    return tuple(sorted(found, key=lambda file: file.path))


def hub_missing(code: str, message: str) -> RefusalError:
    """404 with the header that decides which exception huggingface_hub raises."""
    return RefusalError(404, message, headers={"X-Error-Code": code, "X-Error-Message": message})
