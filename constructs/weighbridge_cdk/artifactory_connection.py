"""How an environment reaches Artifactory: URL, repositories, and the secret that holds the token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager

from constructs import Construct
from weighbridge_cdk.acknowledgements import acknowledge


@dataclass(frozen=True, slots=True)
class Repositories:
    """A channel's pair of Artifactory repositories."""

    models: str
    records: str


class ArtifactoryConnection(Construct):
    """The registry's address and the secret with its token.

    Without `secret`, an empty secret under a customer-managed key is created: its value is put there by whoever rotates
    it, never by a template. The value is the token itself, or JSON with a field `token`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        url: str,
        repositories: Repositories,
        secret_name: str | None = None,
        secret: secretsmanager.ISecret | None = None,
        encryption_key: kms.IKey | None = None,
        description: str = "Artifactory token that may only read this environment's channel",
    ) -> None:
        """Create the connection.

        Args:
            url: base URL, ends in `/artifactory`.
            repositories: the channel's repositories.
            secret_name: name of the secret to create; default: one that CloudFormation chooses. Excludes `secret`.
            secret: a secret that exists. Excludes `secret_name`.
            encryption_key: key of the secret; default: a new one for a new secret, none for one that exists.
            description: of a new secret, for whoever puts the token in.
        """
        super().__init__(scope, construct_id)
        if secret is not None and secret_name is not None:
            raise ValueError("ArtifactoryConnection: give secret or secret_name, not both")
        self.url = url
        self.repositories = repositories
        self.encryption_key = encryption_key
        self._description = description
        self.secret: secretsmanager.ISecret = secret or self._create_secret(secret_name)

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read the token."""
        granted = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            resource_arns=[self.secret.secret_arn],
        )
        if self.encryption_key is not None:
            self.encryption_key.grant_decrypt(grantee)
        return granted

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables that weighbridge's functions and containers read; none is a secret."""
        return {
            "WEIGHBRIDGE_REGISTRY_URL": self.url,
            "WEIGHBRIDGE_MODELS_REPOSITORY": self.repositories.models,
            "WEIGHBRIDGE_RECORDS_REPOSITORY": self.repositories.records,
            "WEIGHBRIDGE_TOKEN_SECRET_ID": self.secret.secret_arn,
        }

    def _create_secret(self, name: str | None) -> secretsmanager.ISecret:
        if self.encryption_key is None:
            self.encryption_key = kms.Key(
                self,
                "Key",
                enable_key_rotation=True,
                description="Encrypts the registry token",
                removal_policy=cdk.RemovalPolicy.RETAIN,
            )
        secret = secretsmanager.Secret(
            self,
            "Token",
            secret_name=name,
            encryption_key=self.encryption_key,
            description=self._description,
        )
        child = secret.node.default_child
        assert isinstance(child, secretsmanager.CfnSecret)
        # A random value would be sent to the registry as a token; an empty secret fails with a clear line.
        child.generate_secret_string = None
        acknowledge(secret, "token-rotated-in-registry")
        return secret
