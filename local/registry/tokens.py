"""Tokens that were issued: they end by themselves, or are revoked. Kept in the registry's folder, as digests."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """One token; `expires` in seconds since the epoch."""

    token_id: str
    username: str
    scope: str
    expires: float


class TokenStore:
    """Issues, finds and revokes tokens."""

    def __init__(self, *, folder: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(folder / "tokens.sqlite", check_same_thread=False, isolation_level=None)
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS tokens (digest TEXT PRIMARY KEY, id TEXT, username TEXT, scope TEXT, expires REAL)"
        )

    def issue(self, *, username: str, scope: str, expires_in: int) -> tuple[str, IssuedToken]:
        """Return a new token's text, which is not kept, and what is known of it."""
        text = f"issued-{secrets.token_urlsafe(32)}"
        found = IssuedToken(str(uuid.uuid4()), username, scope, time.time() + expires_in)
        row = (_digest(text), found.token_id, username, scope, found.expires)
        with self._lock:
            self._database.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?)", row)
        return text, found

    def find(self, text: str) -> IssuedToken | None:
        """Return the token with this text, unless it is over or revoked."""
        return self._one("digest = ?", _digest(text))

    def get(self, token_id: str) -> IssuedToken | None:
        """Return the token with this id, unless it is over or revoked."""
        return self._one("id = ?", token_id)

    def revoke(self, token_id: str) -> None:
        """End the token now."""
        with self._lock:
            self._database.execute("DELETE FROM tokens WHERE id = ?", (token_id,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _one(self, where: str, value: str) -> IssuedToken | None:
        query = f"SELECT id, username, scope, expires FROM tokens WHERE {where} AND expires > ?"  # noqa: S608
        with self._lock:
            row = self._database.execute(query, (value, time.time())).fetchone()
        return None if row is None else IssuedToken(*row)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
