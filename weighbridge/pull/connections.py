"""One worker's connections: kept open between requests, several to a host where answers are asked for ahead."""

from __future__ import annotations

import re
import ssl
import threading
from functools import cached_property
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import requests

from weighbridge.errors import RegistryError
from weighbridge.pull.answer import Answer
from weighbridge.pull.faults import CutError, StallError, StoppedError
from weighbridge.pull.wire import Connection, connect
from weighbridge.registry.http import Http

_NETLOC = re.compile(r"[A-Za-z0-9._:\[\]-]+")


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
        if isinstance(verify, Path):
            return self._checked(_trusting(verify))
        return self._checked(_trusting(Path(requests.utils.DEFAULT_CA_BUNDLE_PATH)))

    @cached_property
    def _others(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=requests.utils.DEFAULT_CA_BUNDLE_PATH)
        if isinstance(self._http.verify, Path):
            _trust(context, self._http.verify)
        return self._checked(context)

    def _checked(self, context: ssl.SSLContext) -> ssl.SSLContext:
        if self._http.verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _trusting(authorities: Path) -> ssl.SSLContext:
    """Return a context that trusts these authorities alone."""
    if authorities.is_dir():
        return ssl.create_default_context(capath=str(authorities))
    return ssl.create_default_context(cafile=str(authorities))


def _trust(context: ssl.SSLContext, authorities: Path) -> None:
    if authorities.is_dir():
        context.load_verify_locations(capath=str(authorities))
    else:
        context.load_verify_locations(cafile=str(authorities))


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


class Connections:
    """Belongs to one thread. `requests_made` counts its requests."""

    def __init__(self, *, http: Http, tls: TlsContexts, stop: Stop) -> None:
        self.requests_made = 0
        self._http = http
        self._tls = tls
        self._stop = stop
        self._open: dict[tuple[str, str], list[Connection]] = {}

    def get(self, url: str, *, headers: dict[str, str]) -> Answer:
        """Send a GET and return its answer, the body unread.

        Raises:
            CutError: no answer came.
            MalformedError: what came is not HTTP.
            RegistryError: `url` is not HOST/PATH.
        """
        kept = self._idle(url)
        if kept is not None:
            try:
                self._ask(kept, url, headers)
                return self.answer(kept)
            except StallError:
                raise
            except CutError:
                # The server may close a connection between two requests; that is no fault of the file.
                self._stop.check()
        fresh = self._connect(url)
        self._ask(fresh, url, headers)
        return self.answer(fresh)

    def ask(self, url: str, *, headers: dict[str, str]) -> Connection:
        """Send a GET on a connection that waits for nothing else; `answer` reads what comes. Raises what `get` raises."""
        connection = self._idle(url) or self._connect(url)
        self._ask(connection, url, headers)
        return connection

    def answer(self, connection: Connection) -> Answer:
        """Return the answer to what was asked on a connection. Raises what `get` raises."""
        try:
            return connection.answer()
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        for kept in self._open.values():
            for connection in kept:
                connection.close()

    def _ask(self, connection: Connection, url: str, headers: dict[str, str]) -> None:
        target = url.split("/", 3)[3].partition("#")[0]
        self.requests_made += 1
        self._http.requests_made += 1
        try:
            connection.ask(target=f"/{target}", headers=headers)
        except BaseException:
            connection.close()
            raise

    def _idle(self, url: str) -> Connection | None:
        kept = self._open.get(self._key(url), [])
        return next((item for item in kept if item.idle and not item.closed), None)

    def _key(self, url: str) -> tuple[str, str]:
        scheme, _, rest = url.partition("://")
        netloc, slash, _ = rest.partition("/")
        if not slash or not _NETLOC.fullmatch(netloc):
            raise RegistryError(f"{self._http.host} redirected to {scheme}://{netloc}, which is not HOST/PATH: refused")
        return scheme, netloc

    def _connect(self, url: str) -> Connection:
        key, parts = self._key(url), urlsplit(url)
        tls = self._tls.context_for(parts)
        connection = connect(
            host=parts.hostname or "",
            port=parts.port or (80 if tls is None else 443),
            netloc=parts.netloc,
            tls=tls,
            connect_timeout=self._http.timeouts.connect,
            read_timeout=self._http.timeouts.read,
            proxy=self._http.outward.proxy_for(url),
        )
        self._stop.add(connection)
        self._open[key] = [item for item in self._open.get(key, []) if not item.closed] + [connection]
        return connection
