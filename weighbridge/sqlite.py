"""One SQLite file as a store: for one machine, and for the local twin. Safe for several threads and processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weighbridge.errors import InputError

_WAIT_SECONDS = 30.0


def prepare(path: Path, *, table: str, what: str) -> None:
    """Make the file `path` and its folder when they are missing, and run `table`, a CREATE TABLE IF NOT EXISTS.

    Raises:
        InputError: when the file cannot be used; `what` says in words what it is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with connect(path) as connection:
            connection.execute(table)
    except (OSError, sqlite3.Error) as error:
        raise InputError(f"{what} {path}: cannot be used: {error}") from error


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file for one transaction: committed at the end, rolled back by an exception. Waits 30 s for a lock."""
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS)
    try:
        with connection:
            yield connection
    finally:
        connection.close()
