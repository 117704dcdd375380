"""HTTP towards the registry: retries, stalls, redirects and errors handled in one place.

Only calls that may be repeated are repeated. A redirect is followed by hand, so that the token never leaves its host.
"""

from __future__ import annotations

import email.utils
import json
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from weighbridge.errors import (
    InputError,
    RegistryAuthError,
    RegistryConflictError,
    RegistryError,
    RegistryForbiddenError,
    RegistryNotFoundError,
    RegistryUnavailableError,
)
from weighbridge.registry.credentials import TokenSource
from weighbridge.registry.upload import Upload

LOOPBACK = ("127.0.0.1", "localhost", "::1")
REDIRECTS = (301, 302, 303, 307, 308)
PASSING = (408, 425, 429, 500, 502, 503, 504)
MAX_REDIRECTS = 5

Body = bytes | Upload | None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, and seconds that one read may stall (never one limit for a whole body)."""

    connect: float = 10.0
    read: float = 60.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a repeatable call is tried in all, and how long it waits: `base * 2^n` with jitter, in seconds."""

    attempts: int = 5
    base: float = 0.5
    limit: float = 30.0


class Http:
    """Sends requests to one registry. `requests_made` counts every HTTP request, redirects and retries included."""

    def __init__(
        self,
        *,
        url: str,
        tokens: TokenSource,
        timeouts: Timeouts,
        retries: Retries,
        verify: Path | bool = True,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise InputError(f"registry url: {url!r} is not of the form https://HOST/artifactory")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise InputError(f"registry url: {url!r} would send the token in clear: use https")
        self.url = url.rstrip("/")
        self.host = parts.netloc
        self.requests_made = 0
        self.timeouts = timeouts
        self.retries = retries
        self.verify = verify
        self.sleep = sleep
        self._tokens = tokens
        self._renewing = threading.Lock()
        self._jitter = jitter
        self._verify = str(verify) if isinstance(verify, Path) else verify
        self._session = requests.Session()
        self._session.trust_env = False

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Body] | None = None,
        stream: bool = False,
        accept: tuple[int, ...] = (),
        repeatable: bool = True,
    ) -> requests.Response:
        """Send one request and return its answer.

        Args:
            method: the HTTP method.
            path: path and query below the registry's URL, already quoted.
            headers: extra headers.
            body: makes the body anew for every attempt.
            stream: leave the body unread; the caller closes the answer.
            accept: error statuses to return instead of raising.
            repeatable: whether the call may be sent again after a fault.

        Raises:
            RegistryError: one of its kinds, after the last attempt.
        """
        what = f"{method} {path.partition('?')[0]}"
        refreshed = False
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= (self.retries.attempts if repeatable else 1)
            try:
                answer = self._follow(method, f"{self.url}/{path}", dict(headers or {}), body, stream)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                if last:
                    raise unreachable(what=what, host=self.host, error=error) from error
                self._wait(attempt, None)
                continue
            if answer.ok or answer.status_code in accept:
                return answer
            if answer.status_code == 401 and not refreshed:
                refreshed = True
                attempt -= 1
                answer.close()
                self._tokens.refresh()
                continue
            if answer.status_code in PASSING and not last:
                self._wait(attempt, answer.headers.get("Retry-After"))
                answer.close()
                continue
            raise error_of(what=what, answer=answer)

    def _follow(
        self, method: str, url: str, headers: dict[str, str], body: Callable[[], Body] | None, stream: bool
    ) -> requests.Response:
        for _ in range(MAX_REDIRECTS + 1):
            self.check_target(url)
            sent = dict(headers)
            token = self.token_for(url)
            if token is not None:
                sent["Authorization"] = f"Bearer {token}"
            self.requests_made += 1
            answer = self._session.request(
                method,
                url,
                headers=sent,
                data=body() if body is not None else None,
                stream=stream,
                allow_redirects=False,
                timeout=(self.timeouts.connect, self.timeouts.read),
                verify=self._verify,
                auth=_no_auth,
            )
            if answer.status_code not in REDIRECTS:
                return answer
            location = answer.headers.get("Location", "")
            answer.close()
            if method not in ("GET", "HEAD") or not location:
                raise RegistryError(f"{method} on {self.host} was redirected, which a write never is: check the URL")
            url = urljoin(url, location)
        raise RegistryError(f"{self.host} redirected more than {MAX_REDIRECTS} times")

    def token_for(self, url: str) -> str | None:
        """Return the token for a request to `url`: None for every scheme and host but the registry's own."""
        return self._tokens.token() if urlsplit(url)[:2] == urlsplit(self.url)[:2] else None

    def renew_token(self, *, refused: str) -> None:
        """Renew the token after a 401, once for all threads that were refused with the same one."""
        with self._renewing:
            if self._tokens.token() == refused:
                self._tokens.refresh()

    def check_target(self, url: str) -> None:
        """Refuse a redirect to a URL that is not encrypted.

        Raises:
            RegistryError: unless it is HTTPS, or plain HTTP on this machine from a registry that is so itself.
        """
        parts = urlsplit(url)
        secure = urlsplit(self.url).scheme == "https"
        if parts.scheme == "https" or (parts.scheme == "http" and not secure and parts.hostname in LOOPBACK):
            return
        raise RegistryError(
            f"{self.host} redirected to {parts.scheme}://{parts.netloc}, which is not encrypted: refused"
        )

    def pause_after(self, attempt: int, *, retry_after: str | None = None) -> float:
        """Return the seconds to wait after the failed attempt number `attempt`, at most the retries' limit."""
        asked = parse_retry_after(retry_after)
        pause = min(self.retries.limit, self.retries.base * 2 ** (attempt - 1)) * (0.5 + self._jitter() / 2)
        return pause if asked is None else min(asked, self.retries.limit)

    def _wait(self, attempt: int, retry_after: str | None) -> None:
        self.sleep(self.pause_after(attempt, retry_after=retry_after))


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from reading ~/.netrc: the token source alone says who we are."""
    return request


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
    """Return the message of an error body: Artifactory's `errors`, Access's `message`, or the text without its HTML."""
    try:
        data = answer.content
    except requests.RequestException:
        return "no readable body"
    return words_in(data)


def words_in(data: bytes) -> str:
    """Return the message that an error body holds; see `words_of`."""
    text = data[:20_000].decode("utf-8", errors="replace")
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    found = ""
    if isinstance(body, dict):
        errors = body.get("errors")
        if isinstance(errors, list) and errors and isinstance(errors[0], dict):
            found = str(errors[0].get("message", ""))
        else:
            found = " ".join(str(body[key]) for key in ("message", "detail") if body.get(key))
    plain = re.sub(r"[\x00-\x1f\x7f]", " ", found or re.sub(r"<[^>]*>", " ", text))
    return " ".join(plain.split())[:300] or "no message"
