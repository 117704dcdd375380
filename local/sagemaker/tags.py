"""Tags of every resource, by ARN."""

from __future__ import annotations

import threading

from local.sagemaker.shapes import JsonObject, Request, tags


class Tags:
    """What AddTags, DeleteTags and ListTags speak of. Whether the ARN exists is not asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tags: dict[str, dict[str, str]] = {}

    def put(self, arn: str, request: Request) -> JsonObject:
        """Add the request's tags; returns all of the resource as AddTags does."""
        with self._lock:
            self._tags.setdefault(arn, {}).update(tags(request))
        return self.list(arn)

    def remove(self, arn: str, request: Request) -> None:
        """Remove the tags with the request's TagKeys."""
        keys = request.get("TagKeys")
        with self._lock:
            for key in keys if isinstance(keys, list | tuple) else ():
                self._tags.get(arn, {}).pop(str(key), None)

    def list(self, arn: str) -> JsonObject:
        """Return `{"Tags": [...]}`."""
        with self._lock:
            return {"Tags": [{"Key": key, "Value": value} for key, value in self._tags.get(arn, {}).items()]}
