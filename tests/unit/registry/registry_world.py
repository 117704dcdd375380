"""One embedded registry for the tests of the registry client, and clients that note their pauses instead of waiting."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.registry.process import RegistryProcess
from local.registry.standard import USERS
from weighbridge.registry import ArtifactoryClient, Retries, StaticToken, Timeouts, TokenSource

TOKENS = {user: f"secret-token-of-{user}" for user in USERS}
RECORDS, MODELS, TARGET = "weighbridge-dev-local", "ml-dev-local", "ml-staging-local"


class RotatingToken:
    """Gives the first token until it is asked to refresh, then the next, and so on. `refreshes` counts."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = list(tokens)
        self.refreshes = 0

    def token(self) -> str:
        return self._tokens[min(self.refreshes, len(self._tokens) - 1)]

    def refresh(self) -> str:
        self.refreshes += 1
        return self.token()


@dataclass(slots=True)
class World:
    """The registry, and the pauses (seconds) that clients made."""

    registry: RegistryProcess
    pauses: list[float] = field(default_factory=list)

    def client(
        self,
        user: str = "promoter",
        *,
        tokens: TokenSource | None = None,
        attempts: int = 4,
        read: float = 30.0,
        limit: float = 30.0,
    ) -> ArtifactoryClient:
        """A client of one identity."""
        return ArtifactoryClient(
            url=self.registry.url,
            tokens=tokens or StaticToken(token=TOKENS[user]),
            timeouts=Timeouts(connect=5.0, read=read),
            retries=Retries(attempts=attempts, base=1.0, limit=limit),
            sleep=self.pauses.append,
        )
