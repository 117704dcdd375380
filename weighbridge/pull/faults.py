"""What can go wrong with one transfer, as its worker sees it; callers of `pull` see weighbridge.errors alone."""

from __future__ import annotations

import errno
from pathlib import Path

from weighbridge.errors import InputError


class StoppedError(Exception):
    """Another file of the same pull failed, or the caller wants to stop."""


class CutError(Exception):
    """The answer did not come, broke off or stalled: what arrived is good as far as it goes."""


class StallError(CutError):
    """Nothing arrived for as long as one read may take."""


class RefusedForNowError(CutError):
    """An answer like 429 or 503, or a signed URL that has expired. `status` and `words` are the server's own."""

    def __init__(self, *, what: str, status: int, words: str, retry_after: str | None = None) -> None:
        super().__init__(f"{what}: {status}: {words}")
        self.what = what
        self.status = status
        self.words = words
        self.retry_after = retry_after


class DirtyError(Exception):
    """What arrived is not what was asked for: nothing of it may be kept."""


class WrongRangeError(DirtyError):
    """The answer is about other bytes than the range that was asked for (Artifactory has done so on resumption)."""


class MalformedError(DirtyError):
    """What arrived is not HTTP as this client speaks it."""


class UnrangedError(Exception):
    """The server sends whole files only, whatever range is asked for."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def disk_refused(error: OSError, *, path: Path | str) -> InputError:
    """Return the one line for what the file system said: rule `input.space` when it is full, else `input.destination`."""
    rule = "input.space" if error.errno in _FULL else "input.destination"
    remedy = "make room" if rule == "input.space" else "choose a folder that can be written"
    return InputError(f"{path}: {error.strerror or error}: {remedy} and pull again", rule=rule)
