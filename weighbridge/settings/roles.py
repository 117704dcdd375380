"""Which AWS roles are exchanged for registry tokens, by names that are known before anything is deployed.

A registry binds one role to a user and one user to a role (PUT /access/api/v1/aws/iam_role), so each role has a user.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.resource_names import ROLE_NAME_LIMIT, resource_name
from weighbridge.settings.schema import EnvironmentSettings, IamSettings, ModelSettings
from weighbridge.settings.setup import IdentitySettings


@dataclass(frozen=True, slots=True)
class ExchangedRole:
    """One role of an environment's stacks, which has the registry identity `identity`; `part` says which role it is.

    `user` is whose token it is exchanged for, unless the settings name others: a user of the role's own name, in lower
    case as Artifactory has them, or the one who logs in for images.
    """

    identity: str
    part: str
    name: str
    account: str
    user: str

    @property
    def arn(self) -> str:
        """The role's ARN: without a path, in the commercial partition, as a registry takes it."""
        return f"arn:aws:iam::{self.account}:role/{self.name}"


def resolver_part(model: ModelSettings) -> str:
    """Return the part of a model's resolver."""
    return f"{model.name}/resolver"


def endpoint_part(model: ModelSettings) -> str:
    """Return the part of a model's containers."""
    return f"{model.name}/endpoint"


def exchanged_roles(settings: EnvironmentSettings) -> tuple[ExchangedRole, ...]:
    """Return the roles that are exchanged; none where `registry.credentials` names a secret."""
    if not isinstance(settings.registry.credentials, IamSettings):
        return ()
    return tuple(_roles(settings))


def signing_roles(settings: EnvironmentSettings) -> dict[str, str]:
    """Return the names of the functions' roles that sign with keys of a governance account, by their part; none without one.

    The account's key policies name them before they exist.
    """
    if settings.governance is None:
        return {}
    return {part: _name(settings, part) for part in ("approvals", "auditor", "inspector", "keeper", "registrar")}


def named_roles(settings: EnvironmentSettings) -> dict[str, str]:
    """Return the names of all roles that have one before they exist, by their part."""
    return {role.part: role.name for role in exchanged_roles(settings)} | signing_roles(settings)


def identity_of(settings: EnvironmentSettings, identity: str) -> IdentitySettings:
    """Return who an identity is: as the settings say, else one user for each role that is exchanged for its token, else
    the user `weighbridge-CHANNEL-IDENTITY`."""
    named = settings.registry.setup.identities.get(identity)
    if named is not None:
        return named
    if identity == "images" and settings.registry.images is not None:
        return IdentitySettings(users=(settings.registry.images.username,))
    roles = tuple(role.user for role in exchanged_roles(settings) if role.identity == identity)
    return IdentitySettings(users=roles or (f"weighbridge-{settings.channel.name}-{identity}",))


def bindings_of(settings: EnvironmentSettings, identity: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return which role each user of an identity is bound to, by its ARN, and the roles that no user is left for."""
    who = identity_of(settings, identity)
    roles = [role.arn for role in exchanged_roles(settings) if role.identity == identity]
    if who.iam_role is not None:
        roles = [who.iam_role]
    return dict(zip(who.users, roles, strict=False)), tuple(roles[len(who.users) :])


def _roles(settings: EnvironmentSettings) -> Iterator[ExchangedRole]:
    for identity, part, user in _parts(settings):
        name = _name(settings, part)
        yield ExchangedRole(
            identity=identity, part=part, name=name, account=settings.account, user=user or name.lower()
        )


def _name(settings: EnvironmentSettings, part: str) -> str:
    return resource_name("weighbridge", settings.environment, *part.split("/"), limit=ROLE_NAME_LIMIT)


def _parts(settings: EnvironmentSettings) -> Iterator[tuple[str, str, str | None]]:
    for model in settings.models:
        yield "reader", resolver_part(model), None
        yield "reader", endpoint_part(model), None
    if settings.guard.reconciler.enabled:
        yield "reader", "reconciler", None
    if settings.trust is not None and (settings.trust.keys.sealer or "").startswith("awskms:"):
        yield "reader", "auditor", None
    images, training, trust = settings.registry.images, settings.training, settings.trust
    if images is not None and images.secret is None:
        yield "images", "images", images.username
    if trust is not None and trust.keeper is not None and trust.keeper.secret is None:
        yield "keeper", "keeper", None
    if trust is not None and trust.approvals is not None and trust.approvals.secret is None:
        yield "approver", "approvals", None
    if training is None:
        return
    if training.training_secret is None:
        yield "scientist", "training", None
        if training.job is not None and training.job.docker_username is not None:
            yield "scientist", "training-images", training.job.docker_username
    if training.registrar_secret is None:
        yield "registrar", "registrar", None
    if trust is None or (trust.inspector is not None and trust.inspector.secret is None):
        yield "inspector", "inspector", None
