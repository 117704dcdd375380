"""An event ledger in one SQLite file: for one machine, and for the local twin."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from weighbridge.ledger.events.entry import Entry, Head, StoredEntry
from weighbridge.ledger.events.event import Event
from weighbridge.ledger.events.ledger import standing
from weighbridge.names import Digest
from weighbridge.sqlite import connect, prepare

_PAGE = 256


class SqliteEvents:
    """Events in the file `path`, which is made when it is missing; the file may hold a sequence ledger too.

    Safe for several threads and processes: who appends holds the file's write lock from reading the head on.
    """

    def __init__(self, *, path: Path) -> None:
        self._path = path
        prepare(
            path,
            table="CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
            "data BLOB NOT NULL)",
            what="event ledger",
        )

    def append(self, *, event: Event) -> Entry:
        """See `EventLedger.append`."""
        with connect(self._path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            row = connection.execute("SELECT data FROM events WHERE id = ?", (event.id,)).fetchone()
            if row is not None:
                return standing(Entry.parse(row[0]), event=event)
            entry = Entry.after(_head(connection), event=event)
            connection.execute(
                "INSERT INTO events (sequence, id, data) VALUES (?, ?, ?)", (entry.sequence, event.id, entry.to_bytes())
            )
        return entry

    def emit(self, *, event: Event) -> None:
        """See `EventLedger.emit`."""
        self.append(event=event)

    def find(self, *, event_id: str) -> Entry | None:
        """See `EventLedger.find`."""
        with connect(self._path) as connection:
            row = connection.execute("SELECT data FROM events WHERE id = ?", (event_id,)).fetchone()
        return None if row is None else Entry.parse(row[0])

    def head(self) -> Head | None:
        """See `EventLedger.head`."""
        with connect(self._path) as connection:
            return _head(connection)

    def stored(self, *, after: int = 0) -> Iterator[StoredEntry]:
        """See `EventLedger.stored`."""
        while True:
            with connect(self._path) as connection:
                rows = connection.execute(
                    "SELECT sequence, data FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, _PAGE)
                ).fetchall()
            for sequence, data in rows:
                yield StoredEntry(sequence=sequence, data=bytes(data))
                after = sequence
            if len(rows) < _PAGE:
                return

    def events(self, *, after: int = 0) -> Iterator[Entry]:
        """See `EventLedger.events`."""
        return (Entry.parse(item.data) for item in self.stored(after=after))


def _head(connection: sqlite3.Connection) -> Head | None:
    row = connection.execute("SELECT sequence, data FROM events ORDER BY sequence DESC LIMIT 1").fetchone()
    return None if row is None else Head(sequence=row[0], digest=Digest.of(bytes(row[1])))
