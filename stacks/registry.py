"""The environment's access to Artifactory."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager

from constructs import Construct
from weighbridge.settings import EnvironmentSettings
from weighbridge_cdk import ArtifactoryConnection, Repositories


class RegistryStack(cdk.Stack):
    """Offers `connection`."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: EnvironmentSettings) -> None:
        super().__init__(scope, construct_id, description=f"weighbridge {settings.environment}: access to the registry")
        registry = settings.registry
        credentials = registry.credentials
        key = credentials.kms_key_arn
        self.connection = ArtifactoryConnection(
            self,
            "Artifactory",
            url=registry.url,
            repositories=Repositories(models=registry.models_repository, records=registry.records_repository),
            secret_name=credentials.secret_id if credentials.create else None,
            secret=None if credentials.create else self._existing_secret(credentials.secret_id),
            encryption_key=kms.Key.from_key_arn(self, "Key", key) if key else None,
        )

    def _existing_secret(self, secret_id: str) -> secretsmanager.ISecret:
        if secret_id.startswith("arn:"):
            return secretsmanager.Secret.from_secret_complete_arn(self, "Token", secret_id)
        return secretsmanager.Secret.from_secret_name_v2(self, "Token", secret_id)
