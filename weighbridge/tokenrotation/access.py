"""JFrog Access, as far as a rotation needs it: a token mints another of its own user, says who it is, and ends itself.

https://jfrog.com/help/r/jfrog-rest-apis/create-token, .../revoke-token-by-id (`me` since 7.53.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import requests

from weighbridge.errors import RegistryError
from weighbridge.registry.answers import error_of, unreachable
from weighbridge.registry.outward import Outward

SCOPE = "applied-permissions/user"


@dataclass(frozen=True, slots=True, repr=False)
class MintedToken:
    """A new token and its id."""

    token: str
    token_id: str


class AccessApi:
    """Access beside the registry at `url` (ends in `/artifactory`). Nothing is repeated: Secrets Manager repeats steps."""

    def __init__(self, *, url: str, verify: Path | bool = True) -> None:
        self._registry = url.rstrip("/")
        self._tokens = f"{self._registry.removesuffix('/artifactory')}/access/api/v1/tokens"
        self._outward = Outward.read()
        trusted = self._outward.trusted(verify)
        self._verify = str(trusted) if isinstance(trusted, Path) else trusted

    def mint(self, *, token: str, expires_in: int, description: str) -> MintedToken:
        """Return a new token of the user that `token` is of, which ends by itself after `expires_in` seconds.

        Raises:
            RegistryError: one of its kinds.
        """
        body: dict[str, str | int | bool] = {
            "scope": SCOPE,
            "expires_in": expires_in,
            "refreshable": False,
            "description": description,
        }
        answer = self._send("POST", self._tokens, token=token, what="minting of a token", body=body)
        found = _object(answer)
        minted, token_id = found.get("access_token"), found.get("token_id")
        if not isinstance(minted, str) or not minted or not isinstance(token_id, str):
            raise RegistryError("minting of a token: the registry answered without access_token and token_id")
        return MintedToken(token=minted, token_id=token_id)

    def subject(self, *, token: str) -> str:
        """Return whose token it is, after the registry took it for a harmless read.

        Raises:
            RegistryError: one of its kinds; RegistryAuthError when the token does not work.
        """
        self._send("GET", f"{self._registry}/api/system/ping", token=token, what="test of a token")
        subject = _object(self._send("GET", f"{self._tokens}/me", token=token, what="test of a token")).get("subject")
        if not isinstance(subject, str) or not subject:
            raise RegistryError("test of a token: the registry does not say whose it is")
        return subject

    def revoke(self, *, token: str) -> None:
        """End the token; one that is over already is not an error.

        Raises:
            RegistryError: one of its kinds.
        """
        self._send("DELETE", f"{self._tokens}/me", token=token, what="revocation of a token", accept=(401,))

    def _send(
        self,
        method: str,
        url: str,
        *,
        token: str,
        what: str,
        body: dict[str, str | int | bool] | None = None,
        accept: tuple[int, ...] = (),
    ) -> requests.Response:
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.request(
                    method,
                    url,
                    json=body,
                    headers={"Authorization": f"Bearer {token}"},
                    allow_redirects=False,
                    timeout=(5.0, 15.0),
                    verify=self._verify,
                    proxies=self._outward.proxies_for(url),
                )
        except requests.RequestException as error:
            raise unreachable(what=what, host=url.split("/")[2], error=error) from error
        if answer.status_code in (200, 201, 204, *accept):
            return answer
        raise error_of(what=what, answer=answer)


def _object(answer: requests.Response) -> dict[str, object]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}
