"""The SageMaker hosting contract as an ASGI application: GET /ping and POST /invocations.

Source: "How Amazon SageMaker AI Runs Your Inference Image" (docs.aws.amazon.com, your-algorithms-inference-code).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Callable

import anyio
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from containers.inference.invocation import BODY_LIMIT, parse_texts
from containers.inference.model import Model
from weighbridge.errors import InputError
from weighbridge.names import ReleaseReference

COMPUTING_AT_ONCE = 2


class LoadedModel:
    """A model that is being loaded in a thread of its own, so that /ping answers (503) meanwhile."""

    def __init__(self, *, load: Callable[[], Model], failed: Callable[[Exception], None]) -> None:
        self._load = load
        self._failed = failed
        self.model: Model | None = None

    def start(self) -> None:
        """Begin to load; `failed` is called in the thread when that raises."""
        threading.Thread(target=self._run, name="load-model", daemon=True).start()

    def _run(self) -> None:
        try:
            model = self._load()
            model.answer(["ready"])
        except Exception as error:
            self._failed(error)
        else:
            self.model = model


def release_headers(reference: ReleaseReference) -> dict[str, str]:
    """Headers that say which release answered. SageMaker hands X-Amzn-SageMaker-Custom-Attributes to the caller."""
    return {
        "X-Amzn-SageMaker-Custom-Attributes": (
            f"weighbridge-version={reference.version};weighbridge-release={reference.digest}"
        ),
        "X-Weighbridge-Version": reference.version,
        "X-Weighbridge-Release": str(reference.digest),
    }


def build_application(*, loaded: LoadedModel, reference: ReleaseReference) -> Starlette:
    """Return the application; loading begins when it starts up."""
    headers = release_headers(reference)

    @contextlib.asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        application.state.limiter = CapacityLimiter(COMPUTING_AT_ONCE)
        loaded.start()
        yield

    async def ping(_: Request) -> Response:
        return PlainTextResponse("", status_code=503 if loaded.model is None else 200, headers=headers)

    async def invocations(request: Request) -> Response:
        model = loaded.model
        if model is None:
            return _error(503, "the model is still being loaded", headers=headers)
        try:
            texts = parse_texts(await _read(request))
        except InputError as error:
            return _error(400, str(error), headers=headers)
        limiter: CapacityLimiter = request.app.state.limiter
        answer = await anyio.to_thread.run_sync(model.answer, texts, limiter=limiter)
        return JSONResponse(answer, headers=headers)

    routes = [Route("/ping", ping, methods=["GET"]), Route("/invocations", invocations, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT:
            break
    return bytes(body)


def _error(status: int, message: str, *, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status, headers=headers)
