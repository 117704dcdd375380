"""The index: which path of which repository holds which blob, with properties and documents, in SQLite.

Folders are not rows: a folder is there while something lies below it. One server process owns the index, and decides
between two awaits, so that a check and the write after it cannot be parted.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from local.registry.blobs import Checksums

_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
  repository TEXT NOT NULL, path TEXT NOT NULL, blob TEXT NOT NULL,
  sha256 TEXT NOT NULL, sha1 TEXT NOT NULL, md5 TEXT NOT NULL, size INTEGER NOT NULL,
  created TEXT NOT NULL, created_by TEXT NOT NULL, modified TEXT NOT NULL, modified_by TEXT NOT NULL,
  PRIMARY KEY (repository, path)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_by_sha256 ON items (sha256);
CREATE TABLE IF NOT EXISTS properties (
  repository TEXT NOT NULL, path TEXT NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (repository, path, name, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
  repository TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (repository, name)) WITHOUT ROWID;
"""
_COLUMNS = "repository, path, blob, sha256, sha1, md5, size, created, created_by, modified, modified_by"

Properties = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Item:
    """One file. `blob` names what is read; it differs from the recorded `sha256` only after tamper.flip_byte."""

    repository: str
    path: str
    blob: str
    sha256: str
    sha1: str
    md5: str
    size: int
    created: str
    created_by: str
    modified: str
    modified_by: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The folder it lies in; "" at the root."""
        return self.path.rpartition("/")[0]


def open_index(folder: Path) -> sqlite3.Connection:
    """Open the index of a registry's folder."""
    connection = sqlite3.connect(folder / "index.sqlite", timeout=30.0, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


class ItemStore:
    """The index of one registry."""

    def __init__(self, *, folder: Path) -> None:
        self._connection = open_index(folder)
        self._lock = threading.RLock()
        with self._lock, self._connection:
            self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the index."""
        self._connection.close()

    def find(self, repository: str, path: str) -> Item | None:
        """The file at `path`, or None."""
        return next(iter(self._items("repository = ? AND path = ?", (repository, path))), None)

    def below(self, repository: str, folder: str) -> list[Item]:
        """Every file below `folder` ("" is the root), sorted by path."""
        if not folder:
            return self._items("repository = ?", (repository,))
        # Between "folder/" and "folder0": 0 is the character after /.
        return self._items("repository = ? AND path > ? AND path < ?", (repository, f"{folder}/", f"{folder}0"))

    def is_folder(self, repository: str, path: str) -> bool:
        """Whether something lies below `path`; the root of a repository always is a folder."""
        if not path:
            return True
        where = (repository, f"{path}/", f"{path}0")
        query = "SELECT 1 FROM items WHERE repository = ? AND path > ? AND path < ? LIMIT 1"
        return self._connection.execute(query, where).fetchone() is not None

    def every(self) -> list[Item]:
        """Every file of every repository."""
        return self._items("1", ())

    def with_checksum(self, *, column: str, value: str) -> list[Item]:
        """Every file whose `sha256`, `sha1` or `md5` is `value`."""
        if column not in ("sha256", "sha1", "md5"):
            raise ValueError(f"{column} is no checksum")
        return self._items(f"{column} = ?", (value,))

    def put(
        self, *, repository: str, path: str, checksums: Checksums, user: str, properties: Mapping[str, Sequence[str]]
    ) -> Item:
        """Let `path` hold the blob with these checksums. What was created keeps its date; properties are replaced."""
        now = timestamp()
        former = self.find(repository, path)
        item = Item(
            repository=repository,
            path=path,
            blob=checksums.sha256,
            sha256=checksums.sha256,
            sha1=checksums.sha1,
            md5=checksums.md5,
            size=checksums.size,
            created=former.created if former else now,
            created_by=former.created_by if former else user,
            modified=now,
            modified_by=user,
        )
        with self._lock, self._connection:
            self._write(item)
            self._replace_properties(repository, path, properties)
        return item

    def copy(self, pairs: Iterable[tuple[Item, str, str]], *, user: str, move: bool = False) -> None:
        """Copy or move files, with their properties, to (repository, path) each: all of them or none."""
        now = timestamp()
        with self._lock, self._connection:
            for item, repository, path in pairs:
                found = self.properties(item.repository, item.path)
                self._write(
                    replace(item, repository=repository, path=path, modified=now, modified_by=user)
                    if move
                    else replace(
                        item, repository=repository, path=path, created=now, created_by=user, modified=now,
                        modified_by=user,
                    )
                )  # fmt: skip
                self._replace_properties(repository, path, found)
                if move and (item.repository, item.path) != (repository, path):
                    self._remove(item.repository, item.path)

    def remove(self, repository: str, path: str) -> int:
        """Remove the file at `path`, or all that lies below it; return how many files went."""
        gone = [item for item in (self.find(repository, path),) if item] or self.below(repository, path)
        with self._lock, self._connection:
            for item in gone:
                self._remove(repository, item.path)
            self._replace_properties(repository, path, {})
        return len(gone)

    def properties(self, repository: str, path: str) -> Properties:
        """The properties of a file or folder, in the order of their names."""
        rows = self._connection.execute(
            "SELECT name, value FROM properties WHERE repository = ? AND path = ? ORDER BY name, position",
            (repository, path),
        )
        found: dict[str, list[str]] = {}
        for name, value in rows:
            found.setdefault(name, []).append(value)
        return {name: tuple(values) for name, values in found.items()}

    def change_properties(
        self, *, repository: str, paths: Iterable[str], changes: Mapping[str, Sequence[str] | None]
    ) -> None:
        """Set properties, or remove those whose value is None; properties that are not named stay."""
        with self._lock, self._connection:
            for path in paths:
                found: dict[str, Sequence[str]] = dict(self.properties(repository, path))
                for name, values in changes.items():
                    found.pop(name, None)
                    if values is not None:
                        found[name] = values
                self._replace_properties(repository, path, found)

    def document(self, repository: str, name: str) -> str | None:
        """A text that the registry keeps beside its files, or None."""
        row = self._connection.execute(
            "SELECT body FROM documents WHERE repository = ? AND name = ?", (repository, name)
        ).fetchone()
        return None if row is None else str(row[0])

    def put_documents(self, repository: str, documents: Mapping[str, str]) -> None:
        """Keep texts; all of them or none."""
        with self._lock, self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)",
                [(repository, name, body) for name, body in documents.items()],
            )

    def _items(self, where: str, values: tuple[str, ...]) -> list[Item]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM items WHERE {where} ORDER BY path", values)  # noqa: S608
        return [Item(*row) for row in rows]

    def _write(self, item: Item) -> None:
        self._connection.execute(
            f"INSERT OR REPLACE INTO items ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                item.repository, item.path, item.blob, item.sha256, item.sha1, item.md5, item.size,
                item.created, item.created_by, item.modified, item.modified_by,
            ),
        )  # fmt: skip

    def _remove(self, repository: str, path: str) -> None:
        self._connection.execute("DELETE FROM items WHERE repository = ? AND path = ?", (repository, path))
        self._replace_properties(repository, path, {})

    def _replace_properties(self, repository: str, path: str, properties: Mapping[str, Sequence[str]]) -> None:
        self._connection.execute("DELETE FROM properties WHERE repository = ? AND path = ?", (repository, path))
        self._connection.executemany(
            "INSERT INTO properties VALUES (?, ?, ?, ?, ?)",
            [
                (repository, path, name, position, value)
                for name, values in properties.items()
                for position, value in enumerate(values)
            ],
        )


def timestamp() -> str:
    """The time now as Artifactory writes it: `2026-11-24T08:00:00.123Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
