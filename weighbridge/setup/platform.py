"""The administrator's calls that a set-up needs, and no others. Nothing here deletes.

Sources: JFrog REST APIs, repositories (PUT creates, POST updates), permission targets V2 (POST creates, PUT replaces),
Access: global environments, users, groups, and IAM role bindings (7.90.10 and newer), and Event: webhooks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from weighbridge.canonical import JsonObject
from weighbridge.errors import RegistryError, RegistryForbiddenError
from weighbridge.registry import Retries, Timeouts, TokenSource
from weighbridge.registry.http import Http
from weighbridge.registry.models import quote_key

POLICIES = {"cleanup": "api/cleanup/packages/policies", "archive": "api/archive/v2/packages/policies"}
_PERMISSIONS = "artifactory/api/v2/security/permissions"
_SUBSCRIPTIONS = "event/api/v1/subscriptions"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    text: str


class Platform:
    """One JFrog platform, as the administrator whose token is given. `http` sends below the platform's root."""

    def __init__(self, *, http: Http) -> None:
        self._http = http

    @classmethod
    def at(
        cls, *, url: str, tokens: TokenSource, retries: Retries | None = None, verify: Path | bool = True
    ) -> Platform:
        """Return the platform of a registry whose `url` ends in `/artifactory`."""
        root = url.rstrip("/").removesuffix("/artifactory")
        return cls(http=Http(url=root, tokens=tokens, timeouts=Timeouts(), retries=retries or Retries(), verify=verify))

    def environments(self) -> tuple[str, ...] | None:
        """Return the global environments; None where this platform has none that can be told.

        Raises:
            RegistryForbiddenError: without an administrator's token.
        """
        found = self._get("access/api/v1/environments")
        if found is None:
            return None
        return tuple(str(entry.get("name")) for entry in _objects(found))

    def create_environment(self, name: str) -> None:
        """Create a global environment."""
        self._send("POST", "access/api/v1/environments", {"name": name})

    def repository(self, key: str) -> JsonObject | None:
        """Return a repository's settings, or None."""
        return _object(self._get(f"artifactory/api/repositories/{quote_key(key)}"))

    def create_repository(self, settings: JsonObject) -> None:
        """Create the repository `settings["key"]`."""
        self._send("PUT", f"artifactory/api/repositories/{quote_key(str(settings['key']))}", settings)

    def change_repository(self, settings: JsonObject) -> None:
        """Change the named settings of a repository; the others stay."""
        self._send("POST", f"artifactory/api/repositories/{quote_key(str(settings['key']))}", settings)

    def target_names(self) -> tuple[str, ...]:
        """Return the names of all permission targets."""
        return tuple(str(entry.get("name")) for entry in _objects(self._get(_PERMISSIONS)))

    def target(self, name: str) -> JsonObject | None:
        """Return a permission target, or None."""
        return _object(self._get(f"{_PERMISSIONS}/{quote_key(name)}"))

    def create_target(self, target: JsonObject) -> None:
        """Create a permission target."""
        self._send("POST", f"{_PERMISSIONS}/{quote_key(str(target['name']))}", target)

    def replace_target(self, target: JsonObject) -> None:
        """Replace the content of a permission target; what `target` lacks is dropped."""
        self._send("PUT", f"{_PERMISSIONS}/{quote_key(str(target['name']))}", target)

    def knows(self, kind: str, name: str) -> bool:
        """Whether there is such a user or group; `kind` is `users` or `groups`."""
        return self._get(f"access/api/v2/{kind}/{quote_key(name)}") is not None

    def bound_role(self, user: str) -> str | None:
        """Return the ARN of the IAM role that is exchanged for the user's token, or None."""
        found = _object(self._get(f"access/api/v1/aws/iam_role/{quote_key(user)}"))
        return None if found is None else str(found.get("iam_role", ""))

    def bind_role(self, user: str, role: str) -> None:
        """Bind an IAM role to a user; a user has one."""
        self._send("PUT", "access/api/v1/aws/iam_role", {"username": user, "iam_role": role})

    def subscription(self, key: str) -> JsonObject | None:
        """Return a webhook's subscription, or None. Its secret is never among what is told."""
        return _object(self._get(f"{_SUBSCRIPTIONS}/{quote_key(key)}"))

    def create_subscription(self, subscription: JsonObject) -> None:
        """Create a webhook's subscription."""
        self._send("POST", _SUBSCRIPTIONS, subscription)

    def replace_subscription(self, subscription: JsonObject) -> None:
        """Replace the content of a webhook's subscription, its secret included."""
        self._send("PUT", f"{_SUBSCRIPTIONS}/{quote_key(str(subscription['key']))}", subscription)

    def policies(self, what: str) -> tuple[JsonObject, ...]:
        """Return the policies of a kind (a key of `POLICIES`); empty where this Artifactory has no such thing."""
        found = self._get(f"artifactory/{POLICIES[what]}")
        return _objects(found.get("policies") if isinstance(found, dict) else found)

    def _get(self, path: str) -> object:
        answer = self._guarded("GET", path, None, accept=(404, 405))
        if answer.status in (404, 405):
            return None
        try:
            return json.loads(answer.text)
        except ValueError as error:
            raise RegistryError(f"GET {path}: the answer is not JSON: is this a JFrog platform?") from error

    def _send(self, method: str, path: str, body: JsonObject) -> None:
        self._guarded(method, path, json.dumps(body).encode(), accept=())

    def _guarded(self, method: str, path: str, data: bytes | None, *, accept: tuple[int, ...]) -> _Answer:
        headers = {"Content-Type": "application/json"} if data is not None else {}
        try:
            # A creation that is sent twice is refused the second time, although it was made: POST is sent once.
            found = self._http.send(
                method, path, headers=headers, body=None if data is None else lambda: data, accept=accept,
                repeatable=method != "POST",
            )  # fmt: skip
        except RegistryForbiddenError as error:
            raise RegistryForbiddenError(
                f"{method} {path}: {error.status}: setting up needs the token of a platform administrator: export it as "
                "JF_ACCESS_TOKEN",
                status=error.status,
            ) from error
        with found:
            return _Answer(status=found.status_code, text=found.text)


def _object(value: object) -> JsonObject | None:
    return value if isinstance(value, dict) else None


def _objects(value: object) -> tuple[JsonObject, ...]:
    return tuple(entry for entry in value if isinstance(entry, dict)) if isinstance(value, list) else ()
