"""HTTP towards the registry: retries, stalls, redirects and errors handled in one place.

Only calls that may be repeated are repeated. A redirect is followed by hand, so that the token never leaves its host.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit

import requests

from weighbridge.errors import InputError, RegistryAuthError, RegistryError
from weighbridge.registry.answers import (
    PASSING,
    error_for,
    error_of,
    parse_retry_after,
    unreachable,
    words_in,
    words_of,
)
from weighbridge.registry.credentials import TokenSource
from weighbridge.registry.outward import Outward
from weighbridge.registry.upload import CHUNK, Upload

__all__ = [
    "LOOPBACK",
    "MAX_REDIRECTS",
    "PASSING",
    "REDIRECTS",
    "Body",
    "Http",
    "Retries",
    "Timeouts",
    "error_for",
    "error_of",
    "parse_retry_after",
    "unreachable",
    "words_in",
    "words_of",
]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 5

Body = bytes | Upload | None
_Used = TypeVar("_Used")
_FAULTS = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_TOKEN = re.compile(r"[\x21-\x7e]+")


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


# For functions, which have to answer before their time is up.
SHORT_TIMEOUTS = Timeouts(connect=5.0, read=15.0)
FEW_RETRIES = Retries(attempts=3, base=0.5, limit=4.0)


class Http:
    """Sends requests to one registry. `requests_made` counts every HTTP request, redirects and retries included.

    A proxy, and without `verify` the certificate authorities, are those of the environment (weighbridge.registry.outward).
    """

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
        parts = _checked_url(url)
        if isinstance(verify, Path) and not verify.exists():
            raise InputError(f"registry certificate authority: {verify} does not exist")
        self.url = url.rstrip("/")
        self.host = parts.netloc
        self.requests_made = 0
        self.timeouts = timeouts
        self.retries = retries
        self.outward = Outward.read()
        self.verify = self.outward.trusted(verify)
        self.sleep = sleep
        self._tokens = tokens
        self._renewing = threading.Lock()
        self._counting = threading.Lock()
        self._jitter = jitter
        self._verify = str(self.verify) if isinstance(self.verify, Path) else self.verify
        self._session = requests.Session()
        self._session.trust_env = False
        # Cookies know no ports: one of the registry's would follow a redirect to another server of its host.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

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
        return self._attempts(method, path, headers, body, stream, accept, repeatable, use=lambda answer: answer)

    def read(self, method: str, path: str, *, limit: int, repeatable: bool = True) -> bytes:
        """Send one request and return the body of its answer: at most `limit` + 1 bytes, so that too long is seen.

        A body that is cut or stalls is a failed attempt, as no answer is.

        Raises:
            RegistryError: one of its kinds, after the last attempt; also for a part (206), since no range was asked for.
        """

        def whole(answer: requests.Response) -> bytes:
            with answer:
                if answer.status_code == 206:
                    raise RegistryError(f"{method} {_plain(path)}: {self.host} sent a part of what was asked for")
                held = bytearray()
                for chunk in answer.iter_content(CHUNK):
                    held += chunk
                    if len(held) > limit:
                        break
                return bytes(held[: limit + 1])

        headers = {"Accept-Encoding": "identity"}
        return self._attempts(method, path, headers, None, True, (), repeatable, use=whole)

    def _attempts(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
        body: Callable[[], Body] | None,
        stream: bool,
        accept: tuple[int, ...],
        repeatable: bool,
        *,
        use: Callable[[requests.Response], _Used],
    ) -> _Used:
        what = f"{method} {_plain(path)}"
        refreshed = False
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= (self.retries.attempts if repeatable else 1)
            token = self.token_for(self.url)
            try:
                answer = self._follow(method, f"{self.url}/{path}", dict(headers or {}), body, stream)
                if answer.ok or answer.status_code in accept:
                    return use(answer)
            except _FAULTS as error:
                # A certificate does not become trusted by asking again.
                if last or isinstance(error, requests.exceptions.SSLError):
                    raise unreachable(what=what, host=self.host, error=error) from error
                self._wait(attempt, None)
                continue
            except (requests.RequestException, ValueError) as error:
                # ValueError: requests itself parses the Location of a redirect that it was told not to follow.
                raise RegistryError(
                    f"{what}: {self.host} cannot be asked, or redirected to what is no URL ({type(error).__name__})"
                ) from error
            if answer.status_code == 401 and not refreshed and token is not None:
                refreshed = True
                attempt -= 1
                answer.close()
                self.renew_token(refused=token)
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
            with self._counting:
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
                proxies=self.outward.proxies_for(url),
                auth=_no_auth,
            )
            if answer.status_code not in REDIRECTS:
                return answer
            location = answer.headers.get("Location", "")
            answer.close()
            if method not in ("GET", "HEAD") or not location:
                raise RegistryError(f"{method} on {self.host} was redirected, which a write never is: check the URL")
            url = self._redirected(url, location)
        raise RegistryError(f"{self.host} redirected more than {MAX_REDIRECTS} times")

    def _redirected(self, url: str, location: str) -> str:
        try:
            found = urljoin(url, location)
            _ = urlsplit(found).port
        except ValueError as error:
            raise RegistryError(f"{self.host} redirected to what is no URL") from error
        return found

    def token_for(self, url: str) -> str | None:
        """Return the token for a request to `url`: None for every scheme and host but the registry's own.

        Raises:
            RegistryAuthError: when it holds a character that no header may hold; the message does not show it.
        """
        if urlsplit(url)[:2] != urlsplit(self.url)[:2]:
            return None
        token = self._tokens.token()
        if not _TOKEN.fullmatch(token):
            raise RegistryAuthError(
                "the registry token is empty or holds a space, a line break or a character beyond ASCII: store it anew"
            )
        return token

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


def _plain(path: str) -> str:
    return path.partition("?")[0]


def _checked_url(url: str) -> SplitResult:
    """Split a registry's URL; what may hold a password is not repeated in the refusal."""
    try:
        parts = urlsplit(url)
        usable = parts.port != 0 and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if "@" in url:
        raise InputError("registry url: user and password do not belong in it: pass a token")
    if not usable or parts.query or parts.fragment:
        raise InputError(f"registry url: {url!r} is not of the form https://HOST/artifactory")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise InputError(f"registry url: {url!r} would send the token in clear: use https")
    return parts


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from reading ~/.netrc: the token source alone says who we are."""
    return request
