"""Damage one stored file as a failing disk or an intruder would, for tests and the demo.

    flip_byte(folder=..., repository="ml-prod-local", path="models/minilm/1.0.0/model.safetensors")

The path gets a blob of its own with one byte flipped; size and recorded checksums stay, and other paths that hold the
same content are untouched. It works while the server runs.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from local.registry.blobs import BlobStore
from local.registry.items import open_index


def flip_byte(*, folder: Path, repository: str, path: str, offset: int | None = None) -> int:
    """Flip the byte at `offset` (default: the middle) of what `path` holds, and return the offset.

    Raises:
        ValueError: when nothing lies there, or the file has no such byte.
    """
    blobs = BlobStore(folder=folder)
    connection = open_index(folder)
    try:
        where = (repository, path)
        row = connection.execute("SELECT blob, size FROM items WHERE repository = ? AND path = ?", where).fetchone()
        if row is None:
            raise ValueError(f"{repository}/{path}: nothing lies there")
        blob, size = str(row[0]), int(row[1])
        place = size // 2 if offset is None else offset
        if not 0 <= place < size:
            raise ValueError(f"offset: {place} is outside of the {size} bytes of {repository}/{path}")
        private = f"tampered-{secrets.token_hex(16)}"
        target = blobs.path(private)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(blobs.path(blob), target)
        with target.open("r+b") as stream:
            stream.seek(place)
            byte = stream.read(1)[0]
            stream.seek(place)
            stream.write(bytes([byte ^ 0x01]))
        with connection:
            connection.execute("UPDATE items SET blob = ? WHERE repository = ? AND path = ?", (private, *where))
    finally:
        connection.close()
    return place
