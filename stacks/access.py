"""How the stacks' identities come to their registry tokens: a secret, rotated if so set, or the role that is exchanged."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs import Construct
from stacks.alarms import notify
from stacks.retention import log_retention
from weighbridge.registry import IamOrigin
from weighbridge.settings import EnvironmentSettings, IamSettings
from weighbridge.settings.roles import named_roles
from weighbridge_cdk import ArtifactoryConnection, NetworkPlacement, Repositories, TokenRotation


def connect(
    scope: Construct,
    construct_id: str,
    *,
    settings: EnvironmentSettings,
    secret_name: str | None,
    placement: NetworkPlacement,
    description: str,
) -> ArtifactoryConnection:
    """Return the registry for one identity.

    Args:
        scope: the stack.
        construct_id: the connection's.
        settings: the environment's.
        secret_name: of the secret to create, empty; None to exchange the identity's role.
        placement: where the secret's rotation runs.
        description: of the secret, for whoever puts the token in.
    """
    registry = settings.registry
    connection = ArtifactoryConnection(
        scope,
        construct_id,
        url=registry.url,
        repositories=Repositories(models=registry.models_repository, records=registry.records_repository),
        secret_name=secret_name,
        iam_exchange=exchange(settings) if secret_name is None else None,
        rotated=registry.rotation is not None,
        description=description,
    )
    rotate(scope, f"{construct_id}Rotation", settings=settings, connection=connection, placement=placement)
    return connection


def exchange(settings: EnvironmentSettings) -> IamOrigin | None:
    """Return how roles are exchanged, or None where `registry.credentials` names a secret."""
    held = settings.registry.credentials
    return IamOrigin(region=held.region, expires_in=held.expires_in) if isinstance(held, IamSettings) else None


def rotate(
    scope: Construct,
    construct_id: str,
    *,
    settings: EnvironmentSettings,
    connection: ArtifactoryConnection,
    placement: NetworkPlacement,
) -> None:
    """Rotate the connection's secret, if there is one and the settings ask for it."""
    rotation = settings.registry.rotation
    if rotation is None or connection.secret is None:
        return
    found = TokenRotation(
        scope,
        construct_id,
        connection=connection,
        days=rotation.days,
        grace=cdk.Duration.hours(rotation.grace_hours),
        placement=placement,
        log_retention=log_retention(settings),
    )
    notify(found, settings=settings, alarms=found.alarms)


def name_roles(settings: EnvironmentSettings, roles: Mapping[str, iam.Role]) -> None:
    """Give the roles that are exchanged the names that `weighbridge setup` binds, and those that sign with keys of another
    account the names of its key policies; the others are left to CloudFormation.

    Args:
        settings: the environment's.
        roles: by their part (see `weighbridge.settings.roles`).
    """
    names = named_roles(settings)
    for part, role in roles.items():
        if part in names:
            child = role.node.default_child
            assert isinstance(child, iam.CfnRole)
            child.role_name = names[part]
