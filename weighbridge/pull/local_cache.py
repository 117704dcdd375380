"""The local cache: digest-named files on one host, shared by its containers as hard links.

A file that is taken from it is hashed first, every time. Containers that share a cache share the files themselves, so
they must trust each other as far as root goes: files are read-only, but root in one of them could change a file under
another that has loaded it already.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from weighbridge.names import Digest
from weighbridge.pull.faults import disk_refused
from weighbridge.pull.task import VERIFIED_MODE

_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)


class LocalCache:
    """A folder on one file system; made when it is missing. Best on the file system that releases are pulled to."""

    def __init__(self, *, folder: Path) -> None:
        self._folder = folder

    def __repr__(self) -> str:
        return f"LocalCache(folder={str(self._folder)!r})"

    @contextmanager
    def turn(self, digest: Digest, *, wait: Callable[[float], None]) -> Iterator[None]:
        """Hold the lock of one release: containers that start together pull it once, one after the other.

        Args:
            digest: the release digest.
            wait: called with the seconds to wait between two looks at the lock; what it raises passes.

        Raises:
            InputError: the cache's folder cannot be written.
        """
        locks = self._folder / "locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(locks / digest.hex, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise disk_refused(error, path=self._folder) from error
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    wait(0.1)
            yield
        finally:
            os.close(descriptor)

    def holds(self, digest: Digest, *, beside: Path) -> bool:
        """Whether the cache has a file of that name which costs no space where `beside` lies."""
        try:
            return os.lstat(self._path(digest)).st_dev == os.lstat(beside).st_dev
        except OSError:
            return False

    def take(self, digest: Digest, *, draft: str, target: str, verify: Callable[[str], bool]) -> bool | None:
        """Bring the file to `target` if the cache holds it; None when it does not.

        It is linked (or copied) to `draft`, verified there, and only then renamed. A file with other bytes is removed
        from the cache, and the answer is false.
        """
        path = self._path(digest)
        Path(draft).unlink(missing_ok=True)
        try:
            _link_or_copy(str(path), draft)
        except FileNotFoundError:
            return None
        if not verify(draft):
            Path(draft).unlink()
            path.unlink(missing_ok=True)
            return False
        mode = stat.S_IMODE(os.lstat(draft).st_mode)
        if mode & 0o222 or not mode & 0o400:
            Path(draft).chmod(mode & 0o555 | VERIFIED_MODE)
        Path(draft).rename(target)
        return True

    def keep(self, digest: Digest, source: str) -> None:
        """Add a file whose bytes were verified; a full or foreign file system leaves the cache as it was."""
        path = self._path(digest)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(source, str(draft))
            draft.replace(path)
        except OSError:
            pass
        finally:
            # Between two links of one file a rename does nothing, and leaves both.
            draft.unlink(missing_ok=True)

    def prune(self, *, limit: int) -> int:
        """Remove the files that were used longest ago and that nobody links, until at most `limit` bytes are held.

        Returns:
            The number of bytes that were removed.
        """
        found = sorted((self._folder / "sha256").glob("*/[0-9a-f]*"), key=lambda path: path.stat().st_atime)
        held = sum(path.stat().st_size for path in found)
        removed = 0
        for path in found:
            status = path.stat()
            if held - removed > limit and status.st_nlink == 1:
                path.unlink()
                removed += status.st_size
        return removed

    def _path(self, digest: Digest) -> Path:
        return self._folder / "sha256" / digest.hex[:2] / digest.hex


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copyfile(source, target, follow_symlinks=False)
