"""The variables of a container that serves, for those who start one without the CDK stacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from weighbridge.canonical import Json
from weighbridge.errors import InputError
from weighbridge.registry import IamOrigin, SecretOrigin, TokenOrigin

if TYPE_CHECKING:
    # Reading settings needs a YAML parser, which no serving image has.
    from weighbridge.settings import EnvironmentSettings, RegistrySettings


def container_variables(*, settings: EnvironmentSettings, resolved: Mapping[str, Json]) -> dict[str, str]:
    """Return what a container that serves `resolved` reads (docs/architecture.md).

    Args:
        settings: the environment's.
        resolved: what `weighbridge resolve --env ENVIRONMENT MODEL --json` printed.

    Raises:
        InputError: naming the field of `resolved` that is missing, or when it is of another channel.
    """
    fields = {}
    for name in ("ReleaseReference", "ReleaseId", "Floor", "Channel"):
        value = resolved.get(name)
        if not isinstance(value, str) or not value:
            raise InputError(f"{name}: missing: pass what `weighbridge resolve --json` printed")
        fields[name] = value
    channel, registry = settings.channel, settings.registry
    if fields["Channel"] != channel.name:
        raise InputError(f"Channel: {fields['Channel']!r} was resolved, the settings follow {channel.name!r}")
    return {
        "WEIGHBRIDGE_RELEASE": fields["ReleaseReference"],
        "WEIGHBRIDGE_PROMOTION": fields["ReleaseId"],
        "WEIGHBRIDGE_ROOT": str(channel.root_digest),
        "WEIGHBRIDGE_FLOOR": fields["Floor"],
        "WEIGHBRIDGE_CHANNEL": channel.name,
        "WEIGHBRIDGE_REGISTRY_URL": registry.url,
        "WEIGHBRIDGE_MODELS_REPOSITORY": registry.models_repository,
        "WEIGHBRIDGE_RECORDS_REPOSITORY": registry.records_repository,
        **_origin(registry).variables(),
    }


def _origin(registry: RegistrySettings) -> TokenOrigin:
    from weighbridge.settings import IamSettings

    held = registry.credentials
    if isinstance(held, IamSettings):
        return IamOrigin(region=held.region, expires_in=held.expires_in)
    return SecretOrigin(secret_id=held.secret_id)
