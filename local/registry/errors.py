"""Refusals of the registry, as Artifactory words them: `{"errors": [{"status": 403, "message": "..."}]}`."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse


class RefusalError(Exception):
    """An answer with an error status. `headers` go with it, as `X-Error-Code` does towards huggingface_hub."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """The answer to send."""
        return JSONResponse(error_body(self.status, self.message), status_code=self.status, headers=self.headers)


def error_body(status: int, message: str) -> dict[str, list[dict[str, int | str]]]:
    """Artifactory's error body."""
    return {"errors": [{"status": status, "message": message}]}


async def answer_refusal(_: Request, error: Exception) -> JSONResponse:
    """Starlette's exception handler for `RefusalError`."""
    if not isinstance(error, RefusalError):
        raise error
    return error.response()


def not_found(repository: str, path: str) -> RefusalError:
    """404 in the words of GET /api/storage."""
    return RefusalError(404, f"Unable to find item '{repository}:{path}'")
