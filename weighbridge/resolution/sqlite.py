"""Acceptances in one SQLite file: for one machine, and for the local twin."""

from __future__ import annotations

from pathlib import Path

from weighbridge.names import ReleaseId
from weighbridge.resolution.acceptance import Acceptance, History, Mark, Scope
from weighbridge.resolution.records import acceptance_key, mark_key, partition, to_history
from weighbridge.sqlite import connect, prepare


class SqliteAcceptances:
    """Acceptances in the file `path`, which is made when it is missing. Safe for several threads and processes."""

    def __init__(self, *, path: Path) -> None:
        self._path = path
        prepare(
            path,
            table="CREATE TABLE IF NOT EXISTS acceptances (pk TEXT NOT NULL, sk TEXT NOT NULL, record BLOB NOT NULL, "
            "PRIMARY KEY (pk, sk)) WITHOUT ROWID",
            what="acceptances",
        )

    def find(self, scope: Scope, release_id: ReleaseId) -> Acceptance | None:
        """See `AcceptanceStore.find`."""
        with connect(self._path) as connection:
            row = connection.execute(
                "SELECT record FROM acceptances WHERE pk = ? AND sk = ?", (partition(scope), acceptance_key(release_id))
            ).fetchone()
        return None if row is None else Acceptance.parse(row[0])

    def accept(self, acceptance: Acceptance) -> Acceptance:
        """See `AcceptanceStore.accept`."""
        self._put(acceptance.scope, acceptance_key(acceptance.release_id), acceptance.to_bytes())
        return self.find(acceptance.scope, acceptance.release_id) or acceptance

    def mark(self, scope: Scope, mark: Mark) -> bool:
        """See `AcceptanceStore.mark`."""
        return self._put(scope, mark_key(mark), mark.to_bytes())

    def history(self, scope: Scope) -> History:
        """See `AcceptanceStore.history`."""
        with connect(self._path) as connection:
            rows = connection.execute("SELECT sk, record FROM acceptances WHERE pk = ?", (partition(scope),)).fetchall()
        return to_history(rows)

    def _put(self, scope: Scope, key: str, data: bytes) -> bool:
        with connect(self._path) as connection:
            done = connection.execute(
                "INSERT INTO acceptances (pk, sk, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (partition(scope), key, data),
            )
            return done.rowcount == 1
