"""Tags of every resource, by ARN."""

from __future__ import annotations

import threading
from collections.abc import Callable

from local.sagemaker.shapes import JsonObject, Request, tags, text


class Tags:
    """What AddTags, DeleteTags and ListTags speak of. Whether the ARN exists is not asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tags: dict[str, dict[str, str]] = {}

    def tagging(self, create: Callable[[Request], JsonObject]) -> Callable[[Request], JsonObject]:
        """Return `create` with the request's tags kept for the one ARN that it answers with."""

        def creating(request: Request) -> JsonObject:
            found = tags(request)
            answer = create(request)
            (arn,) = answer.values()
            with self._lock:
                self._tags[str(arn)] = found
            return answer

        return creating

    def add(self, request: Request) -> JsonObject:
        """AddTags."""
        with self._lock:
            self._tags.setdefault(text(request, "ResourceArn"), {}).update(tags(request))
        return self.list(request)

    def delete(self, request: Request) -> JsonObject:
        """DeleteTags."""
        keys = request.get("TagKeys")
        with self._lock:
            for key in keys if isinstance(keys, list | tuple) else ():
                self._tags.get(text(request, "ResourceArn"), {}).pop(str(key), None)
        return {}

    def list(self, request: Request) -> JsonObject:
        """ListTags."""
        with self._lock:
            found = self._tags.get(text(request, "ResourceArn"), {})
            return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}
