"""A role's AWS identity, exchanged for a short-lived registry token: no secret is stored anywhere.

The registry's administrator binds the role to a user: PUT /access/api/v1/aws/iam_role {"username", "iam_role"}.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import requests

from weighbridge.errors import RegistryAuthError, RegistryError, RegistryUnavailableError
from weighbridge.registry.answers import PASSING, error_of, unreachable
from weighbridge.registry.identity_signature import AwsCredentials, sign_identity
from weighbridge.registry.outward import Outward

PATH = "access/api/v1/aws/token"
EXPIRES_IN = 3600
MARGIN = 300.0
ATTEMPTS = 3
_WHAT = "exchange of the AWS identity"


@dataclass(frozen=True, slots=True, repr=False)
class _Issued:
    token: str
    renew_at: float
    ends_at: float


class IamExchangeToken:
    """A token that is asked for when it is needed, kept in memory, and renewed `margin` seconds before it ends.

    Threads that need it at once ask once. While the registry cannot answer, a token that is not yet over goes on.
    """

    def __init__(
        self,
        *,
        url: str,
        credentials: Callable[[], AwsCredentials | None],
        region: str | None = None,
        expires_in: int = EXPIRES_IN,
        margin: float = MARGIN,
        verify: Path | bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare the exchange; nothing is sent.

        Args:
            url: the registry's base URL, ends in `/artifactory`.
            credentials: returns the role's present credentials, or None when there are none.
            region: the only region whose STS the registry may ask; None for the global one.
            expires_in: seconds that a token shall live; the registry may give less.
            margin: seconds before its end at which a token is renewed, at most half of its life.
            verify: the registry's certificate authority, as for `ArtifactoryClient`.
            clock: seconds, never set back.
            sleep: waits between attempts.
        """
        self._url = f"{url.rstrip('/').removesuffix('/artifactory')}/{PATH}"
        if region is not None:
            self._url += f"?{urlencode({'region': region})}"
        self._credentials = credentials
        self._region = region
        self._expires_in = expires_in
        self._margin = margin
        self._outward = Outward.read()
        trusted = self._outward.trusted(verify)
        self._verify = str(trusted) if isinstance(trusted, Path) else trusted
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._issued: _Issued | None = None

    def __repr__(self) -> str:
        return f"IamExchangeToken(url={self._url!r})"

    def token(self) -> str:
        """Return the token, from memory until shortly before its end.

        Raises:
            RegistryError: one of its kinds, when the registry gives none.
        """
        issued = self._issued
        if issued is not None and self._clock() < issued.renew_at:
            return issued.token
        with self._lock:
            if self._issued is not issued and self._issued is not None:
                return self._issued.token
            try:
                self._issued = self._exchange()
            except RegistryUnavailableError:
                if issued is None or self._clock() >= issued.ends_at:
                    raise
                return issued.token
            return self._issued.token

    def refresh(self) -> str:
        """Return a new token after a 401; threads that ask while one is on its way get that one."""
        refused = self._issued
        with self._lock:
            if self._issued is refused or self._issued is None:
                self._issued = self._exchange()
            return self._issued.token

    def _exchange(self) -> _Issued:
        for attempt in range(1, ATTEMPTS + 1):
            began = self._clock()
            try:
                with self._ask() as answer:
                    if answer.status_code == 200:
                        return self._issue(answer, began=began)
                    if answer.status_code not in PASSING or attempt == ATTEMPTS:
                        raise _explained(error_of(what=_WHAT, answer=answer))
            except requests.RequestException as error:
                if attempt == ATTEMPTS or isinstance(error, requests.exceptions.SSLError):
                    raise unreachable(what=_WHAT, host=self._url.split("/")[2], error=error) from error
            self._sleep(0.5 * 2 ** (attempt - 1))
        raise AssertionError("unreachable")

    def _ask(self) -> requests.Response:
        credentials = self._credentials()
        if credentials is None:
            raise RegistryAuthError(f"{_WHAT}: there are no AWS credentials: run as the role that the registry knows")
        headers = {**sign_identity(credentials, region=self._region), "Accept": "application/json"}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                self._url,
                headers=headers,
                json={"expires_in": self._expires_in},
                allow_redirects=False,
                timeout=(10.0, 30.0),
                verify=self._verify,
                proxies=self._outward.proxies_for(self._url),
            )

    def _issue(self, answer: requests.Response, *, began: float) -> _Issued:
        try:
            body = answer.json()
        except ValueError:
            body = None
        token = body.get("access_token") if isinstance(body, dict) else None
        seconds = body.get("expires_in") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token or not isinstance(seconds, int) or seconds <= 0:
            raise RegistryError(
                f"{_WHAT}: the registry answered without access_token and expires_in: check its version"
            )
        return _Issued(token=token, renew_at=began + seconds - min(self._margin, seconds / 2), ends_at=began + seconds)


def _explained(error: RegistryError) -> RegistryError:
    if error.status in (400, 401, 403, 404):
        return RegistryAuthError(
            f"{error}: bind this role, which must have no path, to a registry user (/access/api/v1/aws/iam_role)",
            status=error.status,
        )
    return error
