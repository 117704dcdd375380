"""What the registry says when it does not do what was asked, as the exception tree."""

from __future__ import annotations

import email.utils
import json
import re
import time

import requests

from weighbridge.errors import (
    RegistryAuthError,
    RegistryConflictError,
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
    RegistryUnavailableError,
)

PASSING = (408, 425, 429, 500, 502, 503, 504)
WORDS_LIMIT = 20_000


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for (seconds or an HTTP date, RFC 9110 10.2.3)."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


def unreachable(*, what: str, host: str, error: Exception) -> RegistryUnavailableError:
    """Return the error for a registry that gave no answer."""
    if isinstance(error, requests.exceptions.SSLError):
        return RegistryUnavailableError(
            f"{what}: the certificate of {host} is not trusted: name the file of the authority that signed it"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        status = re.search(r"Tunnel connection failed: ([0-9]{3})", str(error))
        said = "gave no answer" if status is None else f"answered {status[1]}"
        return RegistryUnavailableError(
            f"{what}: the proxy {said}: it opens no way to {host}: let that host through, or name it in NO_PROXY"
        )
    kind = "stalled" if isinstance(error, requests.Timeout) else "gave no answer"
    return RegistryUnavailableError(
        f"{what}: {host} {kind} ({type(error).__name__}): check the network, then run again"
    )


def error_of(*, what: str, answer: requests.Response) -> RegistryError:
    """Map an error answer to the exception tree, with the registry's own words."""
    words = words_of(answer)
    answer.close()
    return error_for(what=what, status=answer.status_code, words=words)


def error_for(*, what: str, status: int, words: str) -> RegistryError:
    """Return the error of the exception tree for an HTTP status and the registry's own words."""
    message = f"{what}: {status}: {words}"
    if status == 401:
        return RegistryAuthError(f"{message}: the token is missing, wrong or expired", status=status)
    if status == 403:
        return RegistryForbiddenError(f"{message}: ask for the permission, or see the blocking policy", status=status)
    if status == 404:
        return RegistryNotFoundError(message, status=status)
    if status == 409:
        return RegistryConflictError(message, status=status)
    if status in PASSING:
        return RegistryUnavailableError(f"{message}: the registry did not recover, try again later", status=status)
    return RegistryError(message, status=status)


def words_of(answer: requests.Response) -> str:
    """Return the message of an error body: Artifactory's `errors` or `messages`, Access's `message`, or its plain text."""
    try:
        data = next(answer.iter_content(WORDS_LIMIT), b"")
    except requests.RequestException:
        return "no readable body"
    return words_in(data)


def words_in(data: bytes) -> str:
    """Return the message that an error body holds; see `words_of`."""
    text = data[:WORDS_LIMIT].decode("utf-8", errors="replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    found = _message(body) if isinstance(body, dict) else ""
    plain = re.sub(r"[\x00-\x1f\x7f]", " ", found or re.sub(r"<[^>]*>", " ", text))
    return " ".join(plain.split())[:300] or "no message"


def _message(body: dict[str, object]) -> str:
    for name in ("errors", "messages"):
        entries = body.get(name)
        if isinstance(entries, list) and entries and isinstance(entries[0], dict):
            return str(entries[0].get("message", ""))
    return " ".join(str(body[key]) for key in ("message", "detail") if body.get(key))
