"""One request as one identity, answered as it is: no retry, no redirect followed, no error raised for a status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from urllib.parse import urlsplit

import requests

from weighbridge.errors import InputError, RegistryError
from weighbridge.registry.credentials import TokenSource
from weighbridge.registry.http import LOOPBACK, Timeouts, unreachable
from weighbridge.registry.outward import Outward

BODY_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. Header names are lower case; `body` holds at most 8 MiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Return the parsed body.

        Raises:
            RegistryError: when it is not JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise RegistryError(f"an answer with status {self.status} is not JSON: is this Artifactory?") from error


class Probe(Protocol):
    """Sends requests as one identity."""

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str] = MappingProxyType({}), body: bytes | None = None
    ) -> Answer:
        """Send one request; `path` lies below the registry's URL and is quoted already.

        Raises:
            RegistryUnavailableError: when there is no answer.
        """
        ...


class HttpProbe:
    """A probe over HTTP. `tokens` None asks as nobody. A redirect is not followed, so the token stays where it belongs."""

    def __init__(
        self,
        *,
        url: str,
        tokens: TokenSource | None,
        timeouts: Timeouts | None = None,
        verify: Path | bool = True,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise InputError(f"registry url: {url!r} would send the token in clear: use https")
        self._url = url.rstrip("/")
        self._host = parts.netloc
        self._tokens = tokens
        self._timeouts = timeouts or Timeouts(connect=10.0, read=30.0)
        self._session = requests.Session()
        self._session.trust_env = False
        self._outward = Outward.read()
        trusted = self._outward.trusted(verify)
        self._session.verify = str(trusted) if isinstance(trusted, Path) else trusted

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str] = MappingProxyType({}), body: bytes | None = None
    ) -> Answer:
        """Send one request; see `Probe`."""
        sent = {"Accept-Encoding": "identity", **headers}
        if self._tokens is not None:
            sent["Authorization"] = f"Bearer {self._tokens.token()}"
        try:
            with self._session.request(
                method,
                f"{self._url}/{path}",
                headers=sent,
                data=body,
                stream=True,
                allow_redirects=False,
                timeout=(self._timeouts.connect, self._timeouts.read),
                proxies=self._outward.proxies_for(self._url),
            ) as answer:
                data = answer.raw.read(BODY_LIMIT, decode_content=True)
                found = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(status=answer.status_code, headers=found, body=data)
        except (requests.RequestException, OSError) as error:
            raise unreachable(what=f"{method} {path.partition('?')[0]}", host=self._host, error=error) from error
