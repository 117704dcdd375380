"""A file that is being read from the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import requests

from weighbridge.errors import RegistryError, RegistryUnavailableError
from weighbridge.registry.upload import CHUNK


@dataclass(slots=True)
class StreamedDownload:
    """A streamed body; see models.Download."""

    status: int
    start: int
    size: int | None
    etag: str | None
    _answer: requests.Response

    def chunks(self) -> Iterator[bytes]:
        """See models.Download."""
        try:
            yield from self._answer.iter_content(CHUNK)
        except (requests.RequestException, OSError) as error:
            raise RegistryUnavailableError(
                f"the body of {self._answer.url.partition('?')[0]} was cut or stalled ({type(error).__name__})"
            ) from error


def open_download(
    answer: requests.Response, *, where: str, start: int, end: int | None, ranged: bool
) -> StreamedDownload:
    """Check that `answer` is the file or the range that was asked for.

    Raises:
        RegistryError: otherwise.
    """
    etag = answer.headers.get("ETag")
    if answer.status_code == 206:
        told = re.fullmatch(r"bytes ([0-9]+)-([0-9]+)/([0-9]+|\*)", answer.headers.get("Content-Range", ""))
        within = told is not None and int(told[1]) == start and (end is None or int(told[2]) <= end)
        if not ranged or told is None or not within:
            raise RegistryError(f"{where}: asked for bytes from {start}, got {answer.headers.get('Content-Range')!r}")
        size = None if told[3] == "*" else int(told[3])
        return StreamedDownload(206, start, size, etag, answer)
    if answer.status_code != 200:
        raise RegistryError(f"{where}: answered {answer.status_code} where a file was asked for")
    length = answer.headers.get("Content-Length", "")
    return StreamedDownload(200, 0, int(length) if length.isdigit() else None, etag, answer)
