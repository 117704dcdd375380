"""Send a stored file with Artifactory's headers. Content is never hashed on the way out; the index speaks for it."""

from __future__ import annotations

import mimetypes
from datetime import datetime
from email.utils import format_datetime

from starlette.responses import FileResponse

from local.registry.items import Item
from local.registry.state import Registry


def mime_type(name: str) -> str:
    """The type that a file's name tells."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def file_response(registry: Registry, item: Item, *, headers: dict[str, str] | None = None) -> FileResponse:
    """The whole file or the range that the request asks for: 200, 206 or 416, with If-Range honoured for the ETag."""
    return FileResponse(
        registry.blobs.path(item.blob),
        media_type=mime_type(item.name),
        headers={
            "ETag": item.sha1,
            "Last-Modified": format_datetime(datetime.fromisoformat(item.modified), usegmt=True),
            "X-Checksum-Sha256": item.sha256,
            "X-Checksum-Sha1": item.sha1,
            "X-Checksum-Md5": item.md5,
            "X-Artifactory-Filename": item.name.encode("ascii", "replace").decode(),
            **(headers or {}),
        },
    )
