"""The wire: SageMaker's JSON 1.1 API and the runtime's REST API, as boto3 speaks them.

`handle` is a plain function for a server that has parsed the request already; `application` serves it with ASGI.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from local.sagemaker.errors import AwsError
from local.sagemaker.invocation import Invocation
from local.sagemaker.service import LocalSageMaker
from local.sagemaker.shapes import Request

# Application Auto Scaling answers under its own name; its operations have names that SageMaker has none of.
TARGET_PREFIXES = ("SageMaker.", "AnyScaleFrontendService.")
AT_ONCE = 64
_INVOCATIONS = re.compile(r"/endpoints/([^/]+)/invocations")
_JSON = "application/x-amz-json-1.1"


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One HTTP request; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WireResponse:
    """One HTTP response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def handle(service: LocalSageMaker, request: WireRequest) -> WireResponse:
    """Answer one request; blocks as long as a container needs for its answer."""
    invocations = _INVOCATIONS.fullmatch(request.path)
    if invocations is not None and request.method == "POST":
        return _with_id(_invoke(service, unquote(invocations.group(1)), request))
    return _with_id(_call(service, request))


def application(service: LocalSageMaker) -> Starlette:
    """Return both APIs as an ASGI application."""

    async def answer(request: HttpRequest) -> HttpResponse:
        wire = WireRequest(
            method=request.method,
            path=request.url.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.body(),
        )
        limiter: CapacityLimiter = request.app.state.limiter
        response = await to_thread.run_sync(handle, service, wire, limiter=limiter)
        return HttpResponse(response.body, status_code=response.status, headers=dict(response.headers))

    application = Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])
    application.state.limiter = CapacityLimiter(AT_ONCE)
    return application


def _invoke(service: LocalSageMaker, endpoint_name: str, request: WireRequest) -> WireResponse:
    headers = request.headers
    invocation = Invocation(
        body=request.body,
        content_type=headers.get("content-type"),
        accept=headers.get("accept"),
        custom_attributes=headers.get("x-amzn-sagemaker-custom-attributes"),
        inference_id=headers.get("x-amzn-sagemaker-inference-id"),
        target_variant=headers.get("x-amzn-sagemaker-target-variant"),
    )
    try:
        result = service.invoke_endpoint(endpoint_name, invocation)
    except AwsError as error:
        return WireResponse(
            status=error.status,
            headers={"x-amzn-ErrorType": error.code, "Content-Type": "application/json"},
            body=json.dumps({"Message": error.message, **error.fields}).encode(),
        )
    found = {"Content-Type": result.content_type, "x-Amzn-Invoked-Production-Variant": result.variant}
    if result.custom_attributes is not None:
        found["X-Amzn-SageMaker-Custom-Attributes"] = result.custom_attributes
    return WireResponse(status=200, headers=found, body=result.body)


def _call(service: LocalSageMaker, request: WireRequest) -> WireResponse:
    try:
        prefix, dot, operation = request.headers.get("x-amz-target", "").partition(".")
        if prefix + dot not in TARGET_PREFIXES:
            operation = ""
        answer = service.call(operation, _parse(request.body))
    except AwsError as error:
        body = {"__type": error.code, "message": error.message, **error.fields}
        return WireResponse(status=error.status, headers={"Content-Type": _JSON}, body=json.dumps(body).encode())
    return WireResponse(status=200, headers={"Content-Type": _JSON}, body=json.dumps(answer).encode())


def _parse(body: bytes) -> Request:
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise AwsError("SerializationException", "the body is not JSON") from error
    if not isinstance(value, dict):
        raise AwsError("SerializationException", "the body is not a JSON object")
    return value


def _with_id(response: WireResponse) -> WireResponse:
    return WireResponse(
        status=response.status,
        headers={**response.headers, "x-amzn-RequestId": str(uuid.uuid4())},
        body=response.body,
    )
