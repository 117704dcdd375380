"""The registry client: Artifactory over HTTP, for one identity."""

from weighbridge.registry.client import ArtifactoryClient
from weighbridge.registry.credentials import EnvironmentToken, SecretsManagerToken, StaticToken, TokenSource
from weighbridge.registry.http import FEW_RETRIES, SHORT_TIMEOUTS, Retries, Timeouts
from weighbridge.registry.iam_exchange import IamExchangeToken
from weighbridge.registry.identity_signature import check_role_arn
from weighbridge.registry.models import Download, FileInfo, Location
from weighbridge.registry.origins import IamOrigin, SecretOrigin, TokenOrigin, open_origin, read_origin

__all__ = [
    "FEW_RETRIES",
    "SHORT_TIMEOUTS",
    "ArtifactoryClient",
    "Download",
    "EnvironmentToken",
    "FileInfo",
    "IamExchangeToken",
    "IamOrigin",
    "Location",
    "Retries",
    "SecretOrigin",
    "SecretsManagerToken",
    "StaticToken",
    "Timeouts",
    "TokenOrigin",
    "TokenSource",
    "check_role_arn",
    "open_origin",
    "read_origin",
]
