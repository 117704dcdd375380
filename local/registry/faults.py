"""The fault switches that are on, and the answers that they spoil."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from local.registry.errors import error_body
from local.registry.fault import Fault


class CutShortError(Exception):
    """A body that a fault ended early: the server closes the connection."""


@dataclass(slots=True)
class _Switch:
    fault: Fault
    hits: int = 0

    def acts(self, *, method: str, path: str) -> bool:
        used_up = self.fault.times is not None and self.hits >= self.fault.times
        return not used_up and self.fault.covers(method=method, path=path)


class FaultSwitches:
    """The switches, and the tickets of redirected downloads."""

    def __init__(self) -> None:
        self._switches: list[_Switch] = []
        self._tickets: dict[str, tuple[str, str]] = {}

    def add(self, fault: Fault) -> None:
        """Switch a fault on. Of several that cover a request, the one that was added first acts."""
        self._switches.append(_Switch(fault))

    def clear(self) -> None:
        """Switch all off."""
        self._switches.clear()

    def state(self) -> list[dict[str, object]]:
        """Every switch with the number of its hits."""
        return [{**switch.fault.to_json(), "hits": switch.hits} for switch in self._switches]

    def take(self, *, method: str, path: str) -> Fault | None:
        """The fault for this request, counted as one hit, or None."""
        for switch in self._switches:
            if switch.acts(method=method, path=path):
                switch.hits += 1
                return switch.fault
        return None

    def ticket(self, repository: str, path: str) -> str:
        """A name under which the second origin hands out one file, as a signed URL would."""
        name = secrets.token_hex(16)
        self._tickets[name] = (repository, path)
        return name

    def redeem(self, name: str) -> tuple[str, str] | None:
        """The file behind a ticket, or None."""
        return self._tickets.get(name)


def status_answer(fault: Fault) -> Response:
    """The answer of a `status` fault."""
    message = fault.message or f"fault switch: {fault.status}"
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    if fault.shape == "html":
        page = f"<html><head><title>{fault.status}</title></head><body><h1>{message}</h1></body></html>"
        return HTMLResponse(page, status_code=fault.status, headers=headers)
    if fault.shape == "access":
        body: dict[str, object] = {"code": str(fault.status), "message": message, "detail": "from Access"}
        return JSONResponse(body, status_code=fault.status, headers=headers)
    return JSONResponse(error_body(fault.status, message), status_code=fault.status, headers=headers)


def without_range(scope: Scope) -> Scope:
    """The request without its Range header."""
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != b"range"]}


async def until_disconnect(receive: Receive) -> None:
    """Say nothing until the client leaves."""
    while (await receive())["type"] != "http.disconnect":
        continue


class Spoiler:
    """Passes an answer on, spoiled as `fault` says."""

    def __init__(self, *, fault: Fault, receive: Receive, send: Send) -> None:
        self._fault = fault
        self._receive = receive
        self._send = send
        self._at = fault.at or 0
        self._passed = 0

    async def send(self, message: Message) -> None:
        """Stands in for the server's `send`."""
        if message["type"] == "http.response.start":
            self._begin(MutableHeaders(raw=message["headers"]))
            await self._send(message)
        else:
            await self._body(message)

    def _begin(self, headers: MutableHeaders) -> None:
        if self._fault.at is None:
            self._at = int(headers.get("content-length", "0")) // 2
        if self._fault.kind == "content-range" and "content-range" in headers:
            unit, _, told = headers["content-range"].partition(" ")
            start, _, rest = told.partition("-")
            headers["content-range"] = f"{unit} {int(start) + 1}-{rest}"
        if self._fault.kind == "headers":
            for name, value in self._fault.headers.items():
                if value is not None:
                    headers[name] = value
                elif name in headers:
                    del headers[name]

    async def _body(self, message: Message) -> None:
        data = bytes(message.get("body", b""))
        place = self._at - self._passed
        self._passed += len(data)
        here = 0 <= place < len(data) or (place == 0 and not message.get("more_body", False))
        if self._fault.kind == "flip" and 0 <= place < len(data):
            data = data[:place] + bytes([data[place] ^ 0x01]) + data[place + 1 :]
            message = {**message, "body": data}
        elif self._fault.kind in ("short", "stall") and here:
            await self._send({**message, "body": data[:place], "more_body": True})
            if self._fault.kind == "short":
                raise CutShortError
            await until_disconnect(self._receive)
            raise CutShortError
        await self._send(message)
