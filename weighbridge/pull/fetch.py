"""One worker's requests: connections that stay open, the token, redirects, signed URLs, and the registry's refusals.

The rules are the registry client's own (`weighbridge.registry.http`): the token goes to the registry's scheme and host
alone, redirects never lead to an unencrypted host, errors come from one tree.
"""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urljoin, urlsplit

import requests

from weighbridge.errors import RegistryError
from weighbridge.pull.answer import Answer
from weighbridge.pull.faults import CutError, RefusedForNowError, StallError, StoppedError, WrongRangeError
from weighbridge.pull.wire import Connection, connect
from weighbridge.registry.http import MAX_REDIRECTS, PASSING, REDIRECTS, Http, error_for, words_in

SourceKind = Literal["registry", "regional"]

_WORDS_LIMIT = 20_000
_EXPIRED = (400, 401, 403, 404, 410)
_USER_AGENT = "weighbridge"
_NETLOC = re.compile(r"[A-Za-z0-9._:\[\]-]+")


@dataclass(slots=True)
class Source:
    """Where a file comes from: `url`, and the signed URL that it last led to. `what` names it in messages."""

    url: str
    what: str
    kind: SourceKind = "registry"
    signed: str | None = None


class TlsContexts:
    """The certificates to trust: the registry's own, and for other hosts the public ones beside it."""

    def __init__(self, *, http: Http) -> None:
        self._http = http

    def context_for(self, parts: SplitResult) -> ssl.SSLContext | None:
        """Return the context for a URL, None for plain HTTP."""
        if parts.scheme != "https":
            return None
        return self._registry if parts.netloc == self._http.host else self._others

    @cached_property
    def _registry(self) -> ssl.SSLContext:
        verify = self._http.verify
        context = ssl.create_default_context(
            cafile=str(verify) if isinstance(verify, Path) else requests.utils.DEFAULT_CA_BUNDLE_PATH
        )
        return self._checked(context)

    @cached_property
    def _others(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=requests.utils.DEFAULT_CA_BUNDLE_PATH)
        if isinstance(self._http.verify, Path):
            context.load_verify_locations(cafile=str(self._http.verify))
        return self._checked(context)

    def _checked(self, context: ssl.SSLContext) -> ssl.SSLContext:
        if self._http.verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Stop:
    """Set once; ends the reads of every worker that has registered its connections here."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._open: set[Connection] = set()

    def set(self) -> None:
        """Stop everybody, also those who wait for a silent server."""
        with self._lock:
            self._event.set()
            for connection in self._open:
                connection.abort()

    def check(self) -> None:
        """Raise StoppedError once it is set."""
        if self._event.is_set():
            raise StoppedError

    def add(self, connection: Connection) -> None:
        """Register a connection."""
        with self._lock:
            self._open = {item for item in self._open if not item.closed}
            self._open.add(connection)
        self.check()


class Fetcher:
    """Belongs to one thread. `requests_made` counts its requests."""

    def __init__(self, *, http: Http, tls: TlsContexts, stop: Stop) -> None:
        self.requests_made = 0
        self._http = http
        self._tls = tls
        self._stop = stop
        scheme, netloc = urlsplit(http.url)[:2]
        self._registry = f"{scheme}://{netloc}/"
        self._connections: dict[tuple[str, str], Connection] = {}

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

    def pause(self, seconds: float) -> None:
        """Wait, in steps short enough to notice a stop."""
        while seconds > 0:
            self._stop.check()
            step = min(seconds, 0.25)
            self._http.sleep(step)
            seconds -= step

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()

    def _follow(self, source: Source, headers: dict[str, str]) -> Answer:
        renewed = False
        url, redirects = source.signed or source.url, 0
        while True:
            token = None if self._is_foreign(url) else self._http.token_for(self._http.url)
            answer = self._ask(url, headers, token)
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

    def _ask(self, url: str, headers: dict[str, str], token: str | None) -> Answer:
        sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **headers}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        scheme, _, rest = url.partition("://")
        netloc, slash, path = rest.partition("/")
        if not slash or not _NETLOC.fullmatch(netloc):
            raise RegistryError(f"{self._http.host} redirected to {scheme}://{netloc}, which is not HOST/PATH: refused")
        target = f"/{path.partition('#')[0]}"
        kept = self._connections.get((scheme, netloc))
        if kept is not None and not kept.closed:
            try:
                return self._get(kept, target, sent)
            except StallError:
                raise
            except CutError:
                # The server may close a connection between two requests; that is no fault of the file.
                self._stop.check()
        return self._get(self._connect(urlsplit(url)), target, sent)

    def _get(self, connection: Connection, target: str, headers: dict[str, str]) -> Answer:
        self.requests_made += 1
        self._http.requests_made += 1
        try:
            return connection.get(target=target, headers=headers)
        except BaseException:
            connection.close()
            raise

    def _connect(self, parts: SplitResult) -> Connection:
        tls = self._tls.context_for(parts)
        connection = connect(
            host=parts.hostname or "",
            port=parts.port or (80 if tls is None else 443),
            netloc=parts.netloc,
            tls=tls,
            connect_timeout=self._http.timeouts.connect,
            read_timeout=self._http.timeouts.read,
        )
        self._stop.add(connection)
        self._connections[parts.scheme, parts.netloc] = connection
        return connection
