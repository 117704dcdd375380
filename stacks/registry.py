"""The environment's access to Artifactory."""

from __future__ import annotations

from typing import TypedDict

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager

from constructs import Construct
from weighbridge.registry import IamOrigin
from weighbridge.settings import CredentialsSettings, EnvironmentSettings, IamSettings
from weighbridge_cdk import ArtifactoryConnection, Repositories


class _Access(TypedDict, total=False):
    secret_name: str
    secret: secretsmanager.ISecret
    encryption_key: kms.IKey
    iam_exchange: IamOrigin


class RegistryStack(cdk.Stack):
    """Offers `connection`."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: EnvironmentSettings) -> None:
        super().__init__(scope, construct_id, description=f"weighbridge {settings.environment}: access to the registry")
        registry = settings.registry
        self.connection = ArtifactoryConnection(
            self,
            "Artifactory",
            url=registry.url,
            repositories=Repositories(models=registry.models_repository, records=registry.records_repository),
            **self._access(registry.credentials),
        )

    def _access(self, credentials: CredentialsSettings | IamSettings) -> _Access:
        if isinstance(credentials, IamSettings):
            origin = IamOrigin(region=credentials.region, expires_in=credentials.expires_in)
            return {"iam_exchange": origin}
        if credentials.create:
            return {"secret_name": credentials.secret_id}
        key = credentials.kms_key_arn
        found: _Access = {"secret": self._existing_secret(credentials.secret_id)}
        return {**found, "encryption_key": kms.Key.from_key_arn(self, "Key", key)} if key else found

    def _existing_secret(self, secret_id: str) -> secretsmanager.ISecret:
        if secret_id.startswith("arn:"):
            return secretsmanager.Secret.from_secret_complete_arn(self, "Token", secret_id)
        return secretsmanager.Secret.from_secret_name_v2(self, "Token", secret_id)
