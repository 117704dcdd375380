"""Where a training job reads its base model and writes its result, from the environment (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import boto3

from weighbridge.environment import registry_url, required_name
from weighbridge.registry import ArtifactoryClient, EnvironmentToken, TokenSource, open_origin, read_origin
from weighbridge.registry.origins import IAM, SECRET
from weighbridge.training.hub import Hub, HuggingFaceHub

BASES = "WEIGHBRIDGE_BASES_REPOSITORY"


@dataclass(frozen=True, slots=True)
class TrainingRegistry:
    """The registry as a training job sees it: it may read the hub proxy, and read and write `incoming`."""

    url: str
    hub_repository: str
    incoming_repository: str
    tokens: TokenSource
    bases_repository: str | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read WEIGHBRIDGE_REGISTRY_URL, WEIGHBRIDGE_HUB_REPOSITORY, WEIGHBRIDGE_INCOMING_REPOSITORY and where the token
        lies: WEIGHBRIDGE_TOKEN_SECRET_ID or WEIGHBRIDGE_TOKEN_IAM in a job, JF_ACCESS_TOKEN on a laptop. With
        WEIGHBRIDGE_BASES_REPOSITORY, base models come from there alone.

        Raises:
            InputError: naming the variable.
        """
        url = registry_url(environ, "WEIGHBRIDGE_REGISTRY_URL")
        return cls(
            url=url,
            hub_repository=required_name(environ, "WEIGHBRIDGE_HUB_REPOSITORY"),
            incoming_repository=required_name(environ, "WEIGHBRIDGE_INCOMING_REPOSITORY"),
            tokens=_tokens(environ, url=url),
            bases_repository=required_name(environ, BASES) if BASES in environ else None,
        )

    @property
    def hub_endpoint(self) -> str:
        """What huggingface_hub calls its endpoint (HF_ENDPOINT)."""
        return f"{self.url}/api/huggingfaceml/{self.hub_repository}"

    def hub(self) -> Hub:
        """Return where base models come from: the repository of admitted ones where there is one, else the proxy."""
        if self.bases_repository is None:
            return HuggingFaceHub(endpoint=self.hub_endpoint, tokens=self.tokens)
        from weighbridge.bases import AdmittedHub, BaseRepository

        return AdmittedHub(bases=BaseRepository(client=self.client(), repository=self.bases_repository))

    def client(self) -> ArtifactoryClient:
        """Return a client for reading back."""
        return ArtifactoryClient(url=self.url, tokens=self.tokens)


def _tokens(environ: Mapping[str, str], *, url: str) -> TokenSource:
    if SECRET not in environ and IAM not in environ:
        return EnvironmentToken()
    return open_origin(read_origin(environ), url=url, session=boto3.Session())
