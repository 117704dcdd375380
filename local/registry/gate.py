"""What every request passes first: the fault switches and the request log."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.registry.fault import Fault
from local.registry.faults import CutShortError, Spoiler, status_answer, until_disconnect, without_range
from local.registry.state import Registry

PREFIX = "/artifactory/"


class Gate:
    """Wraps the application of one origin (`registry` or `storage`)."""

    def __init__(self, app: ASGIApp, *, registry: Registry, origin: str) -> None:
        self._app = app
        self._registry = registry
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw = bytes(scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        if raw.startswith("/control/"):
            await self._app(scope, receive, send)
            return
        inside = raw.startswith(PREFIX) and self._origin == "registry"
        path = unquote(raw.removeprefix(PREFIX))
        fault = self._registry.faults.take(method=scope["method"], path=path) if inside else None
        noted = False

        async def noting(message: Message) -> None:
            # Noted before the client hears of it: whoever got an answer finds it in the log.
            nonlocal noted
            if message["type"] == "http.response.start":
                noted = True
                self._note(scope, raw, message["status"], fault)
            await send(message)

        try:
            if fault is None:
                await self._app(scope, receive, noting)
            else:
                await self._spoiled(fault, path, scope, receive, noting)
        except CutShortError:
            # Returning without the rest of the body makes the server close the connection.
            return
        finally:
            if not noted:
                self._note(scope, raw, 0, fault)

    async def _spoiled(self, fault: Fault, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "status":
            await _drain(scope, receive)
            await status_answer(fault)(scope, receive, send)
        elif fault.kind == "redirect":
            await _drain(scope, receive)
            await RedirectResponse(self._target(fault, path), status_code=302)(scope, receive, send)
        elif fault.kind == "stall" and fault.at is None:
            await until_disconnect(receive)
            raise CutShortError
        else:
            spoiler = Spoiler(fault=fault, receive=receive, send=send)
            await self._app(without_range(scope) if fault.kind == "no-range" else scope, receive, spoiler.send)

    def _target(self, fault: Fault, path: str) -> str:
        if fault.location is not None:
            return fault.location
        repository, _, below = path.partition("/")
        return f"{self._registry.storage_url}/signed/{self._registry.faults.ticket(repository, below)}?signature=s"

    def _note(self, scope: Scope, raw: str, status: int, fault: Fault | None) -> None:
        header = Headers(scope=scope).get("authorization")
        user = self._registry.access.user_of(header)
        query = bytes(scope.get("query_string", b"")).decode("latin-1")
        self._registry.log.add(
            method=scope["method"],
            path=f"{raw}?{query}" if query else raw,
            user=user.username if user else None,
            status=status,
            origin=self._origin,
            authorization=header is not None,
            fault=fault.kind if fault else None,
        )


async def _drain(scope: Scope, receive: Receive) -> None:
    """Read the request's body: an answer in the middle of it would reset the connection."""
    if scope["method"] in ("GET", "HEAD"):
        return
    while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
        continue
