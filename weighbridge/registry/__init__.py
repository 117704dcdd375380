"""The registry client: Artifactory over HTTP, for one identity."""

from weighbridge.registry.client import ArtifactoryClient
from weighbridge.registry.credentials import EnvironmentToken, SecretsManagerToken, StaticToken, TokenSource
from weighbridge.registry.http import Retries, Timeouts
from weighbridge.registry.models import Download, FileInfo, Location

__all__ = [
    "ArtifactoryClient",
    "Download",
    "EnvironmentToken",
    "FileInfo",
    "Location",
    "Retries",
    "SecretsManagerToken",
    "StaticToken",
    "Timeouts",
    "TokenSource",
]
