"""One worker's requests: the token, redirects, signed URLs, answers asked for ahead, and the registry's refusals.

The rules are the registry client's own (`weighbridge.registry.http`): the token goes to the registry's scheme and host
alone, redirects never lead to an unencrypted host, errors come from one tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

import requests

from weighbridge.errors import RegistryError
from weighbridge.pull.answer import Answer
from weighbridge.pull.connections import Connections, Stop, TlsContexts
from weighbridge.pull.faults import CutError, MalformedError, RefusedForNowError, StallError, WrongRangeError
from weighbridge.pull.wire import Connection
from weighbridge.registry.http import MAX_REDIRECTS, PASSING, REDIRECTS, Http, error_for, words_in

SourceKind = Literal["registry", "regional"]

_WORDS_LIMIT = 20_000
_EXPIRED = (400, 401, 403, 404, 410)
_USER_AGENT = "weighbridge"


@dataclass(slots=True)
class Source:
    """Where a file comes from: `url`, and the signed URL that it last led to. `what` names it in messages."""

    url: str
    what: str
    kind: SourceKind = "registry"
    signed: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose answer was not read yet."""

    url: str
    token: str | None
    connection: Connection


class Fetcher:
    """Belongs to one thread."""

    def __init__(self, *, http: Http, tls: TlsContexts, stop: Stop) -> None:
        self._http = http
        self._stop = stop
        self._connections = Connections(http=http, tls=tls, stop=stop)
        scheme, netloc = urlsplit(http.url)[:2]
        self._registry = f"{scheme}://{netloc}/"
        self._asked: dict[str, _Asked] = {}

    @property
    def requests_made(self) -> int:
        """HTTP requests, redirects and repetitions included."""
        return self._connections.requests_made

    @contextmanager
    def open(self, source: Source, *, headers: dict[str, str]) -> Iterator[Answer]:
        """Yield the answer, 200 or 206, to a GET of the source.

        Raises:
            CutError: no answer, or one that may be better next time.
            DirtyError: not HTTP, or a range that the file does not have.
            RegistryError: the registry's refusal.
        """
        answer = self._follow(source, headers)
        try:
            yield answer
        finally:
            answer.close()

    def ask(self, source: Source) -> None:
        """Send the request for a whole file that is opened soon, so that the answer lies here by then.

        A failure is left to `open`, which asks again.
        """
        url = source.signed or source.url
        try:
            token = self._token_for(url)
            connection = self._connections.ask(url, headers=_headers({}, token))
        except (CutError, MalformedError):
            self._stop.check()
        else:
            self._asked[source.url] = _Asked(url, token, connection)

    def pause(self, seconds: float) -> None:
        """Wait, in steps short enough to notice a stop."""
        while seconds > 0:
            self._stop.check()
            step = min(seconds, 0.25)
            self._http.sleep(step)
            seconds -= step

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()

    def _follow(self, source: Source, headers: dict[str, str]) -> Answer:
        renewed = False
        url, redirects = source.signed or source.url, 0
        while True:
            answer, token = self._get(source, url, headers)
            if answer.status in (200, 206):
                return answer
            if answer.status in REDIRECTS and answer.headers.get("location"):
                url = self._next(url, answer)
                redirects += 1
                if redirects > MAX_REDIRECTS:
                    raise RegistryError(f"{source.what}: {self._http.host} redirected more than {MAX_REDIRECTS} times")
                source.signed = url if self._is_foreign(url) else None
                continue
            words = words_in(answer.read(_WORDS_LIMIT))
            answer.close()
            if answer.status == 401 and token is not None and not renewed:
                renewed = True
                self._http.renew_token(refused=token)
                continue
            raise self._refusal(source, url, answer, words, ranged="Range" in headers)

    def _refusal(self, source: Source, url: str, answer: Answer, words: str, *, ranged: bool) -> Exception:
        status = answer.status
        foreign = self._is_foreign(url)
        if foreign:
            # A signed URL expires, and only the registry can give another.
            source.signed = None
        what = f"GET {source.what}" + (f" (on {urlsplit(url).netloc})" if foreign else "")
        if status in PASSING or (foreign and status in _EXPIRED and url != source.url):
            return RefusedForNowError(
                what=what, status=status, words=words, retry_after=answer.headers.get("retry-after")
            )
        if status == 416 and ranged:
            return WrongRangeError(f"{what}: the file does not have the bytes that the release says")
        return error_for(what=what, status=status, words=words)

    def _is_foreign(self, url: str) -> bool:
        return not url.startswith(self._registry)

    def _next(self, url: str, answer: Answer) -> str:
        found = requests.utils.requote_uri(urljoin(url, answer.headers["location"]))
        answer.read(_WORDS_LIMIT)
        answer.close()
        self._http.check_target(found)
        return found

    def _get(self, source: Source, url: str, headers: dict[str, str]) -> tuple[Answer, str | None]:
        """Return the answer, and the token that was sent for it."""
        asked = self._asked.pop(source.url, None)
        if asked is not None:
            try:
                if not headers and asked.url == url:
                    return self._connections.answer(asked.connection), asked.token
                asked.connection.close()
            except StallError:
                raise
            except CutError:
                self._stop.check()
        token = self._token_for(url)
        return self._connections.get(url, headers=_headers(headers, token)), token

    def _token_for(self, url: str) -> str | None:
        return None if self._is_foreign(url) else self._http.token_for(self._http.url)


def _headers(more: dict[str, str], token: str | None) -> dict[str, str]:
    found = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **more}
    if token is not None:
        found["Authorization"] = f"Bearer {token}"
    return found
