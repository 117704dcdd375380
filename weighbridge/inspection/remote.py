"""A file in the registry, read forward as a validator reads: in pieces, without a disk, taken up again when it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from weighbridge.errors import IntegrityError, RegistryError, RegistryUnavailableError
from weighbridge.registry import ArtifactoryClient, Location

ATTEMPTS = 8


class RemoteFile:
    """Bytes of one file for `ForwardReader`; never seeks. A body that breaks off goes on where it did.

    That the pieces belong together is not believed of the registry: the digest over all of them is compared with the
    release's afterwards.
    """

    def __init__(self, *, client: ArtifactoryClient, location: Location, size: int) -> None:
        """`size` is what the file must have, in bytes: a body that ends before is one that broke off."""
        self._client = client
        self._location = location
        self._size = size
        self._opened = ExitStack()
        self._pieces: Iterator[bytes] | None = None
        self._ahead = b""
        self._position = 0
        self._failures = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end.

        Raises:
            IntegrityError: when the file is not as long as the release says.
            RegistryError: when it cannot be read, or breaks off too often.
        """
        while not self._ahead:
            piece = self._next()
            if piece is None:
                return b""
            self._ahead = piece
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def _next(self) -> bytes | None:
        while True:
            try:
                if self._pieces is None:
                    if 0 < self._size <= self._position:
                        return None
                    self._pieces = self._open()
                piece = next(self._pieces, None)
                if piece is None and self._position < self._size:
                    raise RegistryUnavailableError(f"{self._location}: ended at {self._position} of {self._size} bytes")
            except RegistryUnavailableError:
                self._failures += 1
                if self._failures >= ATTEMPTS:
                    raise
                self._opened.close()
                self._pieces = None
                continue
            self._position += len(piece or b"")
            return piece

    def _open(self) -> Iterator[bytes]:
        where = self._location
        stream = self._client.stream(repository=where.repository, path=where.path, start=self._position)
        download = self._opened.enter_context(stream)
        if download.start != self._position:
            raise RegistryError(f"{where}: broke off, and the registry gives no part of a file: inspect it again")
        if download.size is not None and download.size != self._size:
            raise IntegrityError(f"{where}: holds {download.size} bytes, the release names {self._size}")
        return download.chunks()
