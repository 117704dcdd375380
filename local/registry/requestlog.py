"""The requests that came, so that tests and the demo can count them."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass

LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request.

    `number` counts from 1. `path` is raw, with its query. `user` is None where no known token came. `origin` is
    `registry` or `storage` (the second origin), `authorization` says whether any such header came, and `fault` is the
    kind of the fault switch that acted. `status` is 0 when the connection ended before an answer.
    """

    number: int
    method: str
    path: str
    user: str | None
    status: int
    origin: str
    authorization: bool
    fault: str | None


class RequestLog:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=LIMIT)
        self._number = 0

    def add(
        self,
        *,
        method: str,
        path: str,
        user: str | None,
        status: int,
        origin: str,
        authorization: bool,
        fault: str | None,
    ) -> None:
        """Note one request."""
        self._number += 1
        self._entries.append(
            LoggedRequest(
                number=self._number,
                method=method,
                path=path,
                user=user,
                status=status,
                origin=origin,
                authorization=authorization,
                fault=fault,
            )
        )

    def since(self, number: int) -> list[dict[str, object]]:
        """The requests after `number`, as JSON objects."""
        return [asdict(entry) for entry in self._entries if entry.number > number]
