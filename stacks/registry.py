"""The environment's access to Artifactory: the reader's, and the login for images that lie there."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager

from constructs import Construct
from stacks.access import connect, name_roles
from stacks.retention import log_retention
from weighbridge.settings import CredentialsSettings, EnvironmentSettings, ImageSettings
from weighbridge_cdk import ArtifactoryConnection, NetworkPlacement, RegistryCredentials, Repositories


class RegistryStack(cdk.Stack):
    """Offers `connection`, and `image_credentials` where images come from the registry (None: from ECR)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: EnvironmentSettings, placement: NetworkPlacement
    ) -> None:
        super().__init__(scope, construct_id, description=f"weighbridge {settings.environment}: access to the registry")
        held = settings.registry.credentials
        if isinstance(held, CredentialsSettings) and not held.create:
            self.connection = self._existing(settings, held)
        else:
            self.connection = connect(
                self,
                "Artifactory",
                settings=settings,
                secret_name=settings.registry.reader_secret,
                placement=placement,
                description="Artifactory token that may only read this environment's channel",
            )
        self.image_credentials: RegistryCredentials | None = None
        if settings.registry.images is not None:
            self.image_credentials = self._log_in(settings, settings.registry.images, placement=placement)

    def _existing(self, settings: EnvironmentSettings, held: CredentialsSettings) -> ArtifactoryConnection:
        registry, key = settings.registry, held.kms_key_arn
        return ArtifactoryConnection(
            self,
            "Artifactory",
            url=registry.url,
            repositories=Repositories(models=registry.models_repository, records=registry.records_repository),
            secret=self._existing_secret(held.secret_id),
            encryption_key=kms.Key.from_key_arn(self, "Key", key) if key else None,
        )

    def _existing_secret(self, secret_id: str) -> secretsmanager.ISecret:
        if secret_id.startswith("arn:"):
            return secretsmanager.Secret.from_secret_complete_arn(self, "Token", secret_id)
        return secretsmanager.Secret.from_secret_name_v2(self, "Token", secret_id)

    def _log_in(
        self, settings: EnvironmentSettings, images: ImageSettings, *, placement: NetworkPlacement
    ) -> RegistryCredentials:
        credentials = RegistryCredentials(
            self,
            "Images",
            connection=connect(
                self,
                "ImageAccess",
                settings=settings,
                secret_name=images.secret,
                placement=placement,
                description=f"Artifactory token of {images.username}, who may read {images.repository}",
            ),
            username=images.username,
            placement=placement,
            log_retention=log_retention(settings),
        )
        name_roles(settings, {"images": credentials.function.role})
        return credentials
