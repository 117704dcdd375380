"""CloudFormation's side of a custom resource: events as it sends them, and a server where the answers arrive."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

STACK_ID = "arn:aws:cloudformation:eu-central-1:111111111111:stack/inference/6d4bd6a0-8e5c-11ee-b962-0242ac120002"
SECRET = "X-Amz-Signature=0123456789abcdef"


@dataclass
class Context:
    """Lambda's context: `milliseconds` are left, and stay so."""

    milliseconds: int = 120_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass
class Answered:
    """One PUT."""

    path: str
    headers: dict[str, str]
    data: bytes

    @property
    def document(self) -> dict[str, object]:
        found = json.loads(self.data)
        assert isinstance(found, dict)
        return found


@dataclass
class ResponseBucket:
    """Takes PUTs at `url`; `statuses` are given first, 200 afterwards."""

    statuses: list[int] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)

    def __enter__(self) -> Self:
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                bucket.answers.append(Answered(self.path, dict(self.headers.items()), data))
                self.send_response(bucket.statuses.pop(0) if bucket.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/answers/arn%3Aaws%3Acloudformation?{SECRET}"

    def event(
        self,
        kind: str,
        properties: dict[str, object],
        *,
        old: dict[str, object] | None = None,
        physical_id: str | None = None,
        request_id: str = "request-1",
    ) -> dict[str, object]:
        """Return an event; Update and Delete bear the physical id of the Create."""
        event: dict[str, object] = {
            "RequestType": kind,
            "ServiceToken": "arn:aws:lambda:eu-central-1:111111111111:function:resolver",
            "ResponseURL": self.url,
            "StackId": STACK_ID,
            "RequestId": request_id,
            "LogicalResourceId": "PromotedModelRelease0A1B",
            "ResourceType": "Custom::WeighbridgePromotedModel",
            "ResourceProperties": {"ServiceToken": "arn:aws:lambda:...", "ServiceTimeout": "600", **properties},
        }
        if kind != "Create":
            event["PhysicalResourceId"] = physical_id or "weighbridge-PromotedModelRelease0A1B"
        if old is not None:
            event["OldResourceProperties"] = {"ServiceToken": "arn:aws:lambda:...", **old}
        return event

    @property
    def last(self) -> dict[str, object]:
        return self.answers[-1].document
