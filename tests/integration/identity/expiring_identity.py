"""An AWS identity whose registry tokens end after 1,000 seconds of a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import requests
from botocore.credentials import ReadOnlyCredentials

from local.registry.config import AwsRoleConfig
from local.registry.process import RegistryProcess
from local.registry.standard import USERS, standard_config
from weighbridge.registry import ArtifactoryClient, IamExchangeToken, Retries

ROLE = "arn:aws:iam::111122223333:role/weighbridge-dev-training"
KEY = ReadOnlyCredentials("AKIDEXAMPLE", "secret-access-key", "session-token")
LIFE, MARGIN = 1000.0, 100.0


@dataclass
class ExpiringIdentity:
    """A token source for `client`; `seen` are its tokens with the time at which each was first given."""

    registry: RegistryProcess
    now: float = 5000.0
    seen: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._source = IamExchangeToken(
            url=self.registry.url,
            credentials=lambda: KEY,
            expires_in=int(LIFE),
            margin=MARGIN,
            clock=lambda: self.now,
            sleep=lambda _: None,
        )

    def token(self) -> str:
        found = self._source.token()
        self.seen.setdefault(found, self.now)
        return found

    def refresh(self) -> str:
        found = self._source.refresh()
        self.seen.setdefault(found, self.now)
        return found

    def client(self) -> ArtifactoryClient:
        return ArtifactoryClient(url=self.registry.url, tokens=self, retries=Retries(attempts=1), sleep=lambda _: None)

    def pass_time(self, seconds: float) -> None:
        """Move the clock; the registry forgets what is over by then."""
        self.now += seconds
        for token, since in self.seen.items():
            if self.now - since >= LIFE:
                self.end(token)

    def end(self, token: str) -> None:
        """Let the registry forget a token."""
        url = f"{self.registry.url.removesuffix('/artifactory')}/access/api/v1/tokens/me"
        requests.delete(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)


@contextmanager
def registry_of_role(folder: Path, *, user: str) -> Iterator[RegistryProcess]:
    """A registry that exchanges the role for tokens of `user`."""
    config = standard_config(hub_url=None, tokens={name: f"token-of-{name}" for name in USERS})
    config = replace(config, aws_roles=(AwsRoleConfig(iam_role=ROLE, access_keys=(KEY.access_key,)),))
    with RegistryProcess(folder=folder, config=config) as found:
        bound = requests.put(
            f"{found.url.removesuffix('/artifactory')}/access/api/v1/aws/iam_role",
            json={"username": user, "iam_role": ROLE},
            headers={"Authorization": "Bearer token-of-admin"},
            timeout=10,
        )
        assert bound.ok, bound.text
        yield found
