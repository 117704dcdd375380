"""The application that listens: SageMaker's requests go to the local SageMaker, all else to MiniStack."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_INVOCATION = re.compile(r"/endpoints/[^/]+/invocations(-response-stream)?")
_TARGETS = (b"SageMaker.", b"AnyScaleFrontendService.")


class Gateway:
    """An ASGI application over two; `on_ready` is called once, when both may be called."""

    def __init__(self, *, emulator: Application, sagemaker: Application, on_ready: Callable[[], None]) -> None:
        self._emulator = emulator
        self._sagemaker = sagemaker
        self._on_ready = on_ready

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._emulator(scope, receive, self._announcing(send))
        elif is_sagemaker(scope):
            await self._sagemaker(scope, receive, send)
        else:
            await self._emulator(scope, receive, send)

    def _announcing(self, send: Send) -> Send:
        async def announcing(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self._on_ready()

        return announcing


def is_sagemaker(scope: Message) -> bool:
    """Whether a request is one of the APIs `sagemaker` and `application-autoscaling` (X-Amz-Target) or `sagemaker-runtime` (path)."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    headers = scope["headers"]
    assert isinstance(headers, list)
    if any(name.lower() == b"x-amz-target" and value.startswith(_TARGETS) for name, value in headers):
        return True
    return _INVOCATION.fullmatch(str(scope["path"])) is not None
