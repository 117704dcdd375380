"""The way out of this process: an egress proxy and the certificate authorities to trust, as its environment names them.

The names are those that requests, botocore and huggingface_hub read: `HTTPS_PROXY`, `NO_PROXY`, `REQUESTS_CA_BUNDLE`. A proxy
is asked for a tunnel (CONNECT, RFC 9110 9.3.6) and sees the name of a host: the token and all else is encrypted inside.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from weighbridge.environment import RULE
from weighbridge.errors import InputError

PROXY = "HTTPS_PROXY"
NO_PROXY = "NO_PROXY"
AUTHORITIES = "REQUESTS_CA_BUNDLE"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. `authorization` is what Proxy-Authorization says, None without a password."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, value: str, *, name: str) -> Self:
        """Read `http://[USER:PASSWORD@]HOST:PORT`; what may hold a password is not repeated in the refusal.

        Raises:
            InputError: rule `input.environment`, naming the variable `name`.
        """
        try:
            parts = urlsplit(value)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or port is None or parts.scheme != "http" or parts.path not in ("", "/") or not value.isprintable():
            raise InputError(f"{name}: is not of the form http://HOST:PORT", rule=RULE)
        if parts.username is None:
            return cls(host=host, port=port)
        words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return cls(host=host, port=port, authorization=f"Basic {base64.b64encode(words.encode()).decode('ascii')}")


@dataclass(frozen=True, slots=True)
class Outward:
    """How other hosts are reached. `no_proxy` lists hosts that are reached without the proxy, subdomains included.

    `authorities` is a file (or folder, as OpenSSL hashes it) of all certificates to trust, None for the public ones.
    """

    proxy: Proxy | None = None
    no_proxy: str = ""
    authorities: Path | None = None
    proxy_url: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read `HTTPS_PROXY`, `NO_PROXY` (or in lower case, which wins) and `REQUESTS_CA_BUNDLE`; default: of this process.

        Raises:
            InputError: rule `input.environment`, for a proxy that is no HTTP proxy, or a bundle that is not there.
        """
        environ = os.environ if environ is None else environ
        url = environ.get(PROXY.lower()) or environ.get(PROXY) or None
        if url is not None and "://" not in url:
            url = f"http://{url}"
        bundle = environ.get(AUTHORITIES) or None
        if bundle is not None and not Path(bundle).exists():
            raise InputError(f"{AUTHORITIES}: {bundle} does not exist: name the file of certificates", rule=RULE)
        return cls(
            proxy=None if url is None else Proxy.parse(url, name=PROXY),
            no_proxy=environ.get(NO_PROXY.lower()) or environ.get(NO_PROXY) or "",
            authorities=None if bundle is None else Path(bundle),
            proxy_url=url,
        )

    def proxy_for(self, url: str) -> Proxy | None:
        """Return the proxy for `url`: None for what `no_proxy` names, for plain HTTP, and for this machine."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self.proxy is None or parts.scheme != "https" or host in _LOOPBACK:
            return None
        return None if _names(self.no_proxy, host) else self.proxy

    def proxies_for(self, url: str) -> dict[str, str]:
        """Return the proxy for `url` as the argument `proxies` of requests, which reads no environment then."""
        return {} if self.proxy_for(url) is None or self.proxy_url is None else {"https": self.proxy_url}

    def trusted(self, verify: Path | bool) -> Path | bool:
        """Return what to trust: `verify` where it says something, else the environment's authorities."""
        return self.authorities if verify is True and self.authorities is not None else verify


def _names(hosts: str, host: str) -> bool:
    """Whether a list such as `.example.com, 10.0.0.1` names `host` or a domain that it is in."""
    listed = [entry.strip().lower().lstrip(".") for entry in hosts.split(",") if entry.strip()]
    return any(entry == "*" or host == entry or host.endswith(f".{entry}") for entry in listed)
