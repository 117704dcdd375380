"""A sequence ledger in one SQLite file: for one machine, and for the local twin."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weighbridge.errors import InputError
from weighbridge.ledger.checks import check_claim, conflict
from weighbridge.names import Digest

_WAIT_SECONDS = 30.0


class SqliteLedger:
    """Claims in the file `path`, which is made when it is missing. Safe for several threads and processes."""

    def __init__(self, *, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connection() as connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS claims (scope TEXT NOT NULL, sequence INTEGER NOT NULL, "
                    "digest TEXT NOT NULL, PRIMARY KEY (scope, sequence)) WITHOUT ROWID"
                )
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"ledger {path}: cannot be used: {error}") from error

    def claim(self, *, scope: str, sequence: int, digest: Digest) -> None:
        """See `SequenceLedger.claim`."""
        check_claim(scope=scope, sequence=sequence)
        with self._connection() as connection:
            connection.execute(
                "INSERT INTO claims (scope, sequence, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (scope, sequence, digest.hex),
            )
        held = self.claimed(scope=scope, sequence=sequence)
        if held is not None and held != digest:
            raise conflict(scope=scope, sequence=sequence, digest=digest, held=held)

    def claimed(self, *, scope: str, sequence: int) -> Digest | None:
        """See `SequenceLedger.claimed`."""
        check_claim(scope=scope, sequence=sequence)
        with self._connection() as connection:
            row = connection.execute(
                "SELECT digest FROM claims WHERE scope = ? AND sequence = ?", (scope, sequence)
            ).fetchone()
        return None if row is None else Digest(row[0])

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
        try:
            with connection:
                yield connection
        finally:
            connection.close()
