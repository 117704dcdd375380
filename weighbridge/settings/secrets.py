"""The secrets that hold an environment's registry tokens, by identity. Names alone: no value is read here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.settings.schema import CredentialsSettings, EnvironmentSettings


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """The secret with the token of `identity`; with `created`, the stacks make it, empty, and rotate it if so set."""

    identity: str
    secret_id: str
    created: bool = True


def named_secrets(settings: EnvironmentSettings) -> tuple[NamedSecret, ...]:
    """Return every secret that the settings name, the reader's first; roles that are exchanged have none."""
    return tuple(_secrets(settings))


def _secrets(settings: EnvironmentSettings) -> Iterator[NamedSecret]:
    registry, trust, training = settings.registry, settings.trust, settings.training
    if isinstance(registry.credentials, CredentialsSettings):
        yield NamedSecret("reader", registry.credentials.secret_id, created=registry.credentials.create)
    named = {
        "images": None if registry.images is None else registry.images.secret,
        "keeper": None if trust is None or trust.keeper is None else trust.keeper.secret,
        "approver": None if trust is None or trust.approvals is None else trust.approvals.secret,
        "scientist": None if training is None else training.training_secret,
        "registrar": None if training is None else training.registrar_secret,
    }
    if training is not None and trust is not None and trust.inspector is not None:
        named["inspector"] = trust.inspector.secret
    for identity, secret_id in named.items():
        if secret_id is not None:
            yield NamedSecret(identity, secret_id)
