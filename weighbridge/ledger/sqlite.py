"""A sequence ledger in one SQLite file: for one machine, and for the local twin."""

from __future__ import annotations

from pathlib import Path

from weighbridge.ledger.checks import check_claim, conflict
from weighbridge.names import Digest
from weighbridge.sqlite import connect, prepare


class SqliteLedger:
    """Claims in the file `path`, which is made when it is missing. Safe for several threads and processes."""

    def __init__(self, *, path: Path) -> None:
        self._path = path
        prepare(
            path,
            table="CREATE TABLE IF NOT EXISTS claims (scope TEXT NOT NULL, sequence INTEGER NOT NULL, "
            "digest TEXT NOT NULL, PRIMARY KEY (scope, sequence)) WITHOUT ROWID",
            what="ledger",
        )

    def claim(self, *, scope: str, sequence: int, digest: Digest) -> None:
        """See `SequenceLedger.claim`."""
        check_claim(scope=scope, sequence=sequence)
        with connect(self._path) as connection:
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
        with connect(self._path) as connection:
            row = connection.execute(
                "SELECT digest FROM claims WHERE scope = ? AND sequence = ?", (scope, sequence)
            ).fetchone()
        return None if row is None else Digest(row[0])
