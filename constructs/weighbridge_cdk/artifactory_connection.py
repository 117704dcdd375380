"""How an environment reaches Artifactory: URL, repositories, and where the token comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge.registry import IamOrigin, SecretOrigin
from weighbridge_cdk.acknowledgements import acknowledge
from weighbridge_cdk.retained import retained_key


@dataclass(frozen=True, slots=True)
class Repositories:
    """A channel's pair of Artifactory repositories."""

    models: str
    records: str


class ArtifactoryConnection(Construct):
    """The registry's address and the secret with its token, or, with `iam_exchange`, no secret at all.

    Without `secret` and `iam_exchange`, an empty secret under a customer-managed key is created, which no other account may read: its
    value is put there by whoever rotates it, never by a template. The value is the token itself, or JSON with a field `token`.
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
        iam_exchange: IamOrigin | None = None,
        rotated: bool = False,
        description: str = "Artifactory token that may only read this environment's channel",
    ) -> None:
        """Create the connection.

        Args:
            url: base URL, ends in `/artifactory`.
            repositories: the channel's repositories.
            secret_name: name of the secret to create; default: one that CloudFormation chooses. Excludes `secret`.
            secret: a secret that exists. Excludes `secret_name`.
            encryption_key: key of the secret; default: a new one for a new secret, none for one that exists.
            iam_exchange: exchange each role's own AWS identity for a short-lived token; an administrator of the
                registry binds every role to a user. Excludes `secret`, `secret_name` and `encryption_key`.
            rotated: whether a `TokenRotation` follows; without one cdk-nag then refuses a new secret.
            description: of a new secret, for whoever puts the token in.
        """
        super().__init__(scope, construct_id)
        if secret is not None and secret_name is not None:
            raise ValueError("ArtifactoryConnection: give secret or secret_name, not both")
        if iam_exchange is not None and (secret, secret_name, encryption_key) != (None, None, None):
            raise ValueError("ArtifactoryConnection: with iam_exchange there is no secret: give one of the two")
        self.url = url
        self.repositories = repositories
        self.encryption_key = encryption_key
        self._description = description
        self.iam_exchange = iam_exchange
        self._rotated = rotated
        self.secret: secretsmanager.ISecret | None = secret
        if secret is None and iam_exchange is None:
            self.secret = self._create_secret(secret_name)

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` have the token: read the secret, or be a role that the registry can know.

        Raises:
            InputError: rule `input.role`, for a role with a path, which no registry can bind to a user.
        """
        if self.secret is None:
            _check_path(grantee)
            return iam.Grant.drop(grantee, "the registry is asked with the role's own identity")
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
            **self.token_variables(),
        }

    def token_variables(self) -> Mapping[str, str]:
        """Return those of the variables that say where the token comes from."""
        if self.secret is not None:
            return SecretOrigin(secret_id=self.secret.secret_arn).variables()
        assert self.iam_exchange is not None
        return self.iam_exchange.variables()

    def _create_secret(self, name: str | None) -> secretsmanager.ISecret:
        if self.encryption_key is None:
            self.encryption_key = retained_key(self, description="Encrypts the registry token")
        secret = secretsmanager.Secret(
            self,
            "Token",
            secret_name=name,
            encryption_key=self.encryption_key,
            description=self._description,
        )
        child = secret.node.default_child
        assert isinstance(child, secretsmanager.CfnSecret)
        secret.add_to_resource_policy(_no_strangers())
        policy = secret.node.find_child("Policy").node.default_child
        assert isinstance(policy, secretsmanager.CfnResourcePolicy)
        policy.block_public_policy = True
        # A random value would be sent to the registry as a token; an empty secret fails with a clear line.
        child.generate_secret_string = None
        if not self._rotated:
            acknowledge(secret, "token-rotated-in-registry")
        return secret


def _no_strangers() -> iam.PolicyStatement:
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
        resources=["*"],
        principals=[iam.AnyPrincipal()],
        conditions={"StringNotEquals": {"aws:PrincipalAccount": cdk.Aws.ACCOUNT_ID}},
    )


def _check_path(grantee: iam.IGrantable) -> None:
    role = grantee.role if isinstance(grantee, lambda_.Function) else grantee
    if not isinstance(role, iam.Role):
        return
    child = role.node.default_child
    path = child.path if isinstance(child, iam.CfnRole) else None
    if path not in (None, "/"):
        raise InputError(
            f"{role.node.path}: the role's path {path!r} keeps the registry from knowing it: create it without a path",
            rule="input.role",
        )
