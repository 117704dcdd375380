"""The repositories and identities of docs/architecture.md, as one configuration."""

from __future__ import annotations

from collections.abc import Mapping

from local.registry.config import Permission, RegistryConfig, RepositoryConfig, UserConfig

CHANNELS = ("dev", "staging", "prod")
INCOMING = "ml-incoming-local"
HUB = "hf-remote"
BASES = "weighbridge-bases-local"
USERS = ("admin", "scientist", "registrar", "inspector", "promoter", "keeper", "reader")
_ALL = ("**",)


def models_repository(channel: str) -> str:
    """The repository of a channel's weights."""
    return f"ml-{channel}-local"


def records_repository(channel: str) -> str:
    """The repository of a channel's records and TUF metadata."""
    return f"weighbridge-{channel}-local"


def standard_config(*, hub_url: str | None, tokens: Mapping[str, str]) -> RegistryConfig:
    """Three channels, `incoming` and the hub proxy, with one user per identity.

    Args:
        hub_url: the hub that `hf-remote` fetches from; None leaves the proxy without an upstream.
        tokens: user name to bearer token, for every name in `USERS`.

    Raises:
        ValueError: when a user has no token.
    """
    missing = [name for name in USERS if not tokens.get(name)]
    if missing:
        raise ValueError(f"tokens: none for {', '.join(missing)}")
    models = tuple(models_repository(channel) for channel in CHANNELS)
    records = tuple(records_repository(channel) for channel in CHANNELS)
    return RegistryConfig(
        repositories=(
            RepositoryConfig(key=INCOMING, rclass="local", package_type="machinelearning"),
            *(RepositoryConfig(key=key, rclass="local", package_type="machinelearning") for key in models),
            *(RepositoryConfig(key=key, rclass="local", package_type="generic") for key in records),
            RepositoryConfig(key=BASES, rclass="local", package_type="generic"),
            RepositoryConfig(key=HUB, rclass="remote", package_type="huggingfaceml", url=hub_url),
        ),
        users=tuple(UserConfig(username=name, token=tokens[name], admin=name == "admin") for name in USERS),
        permissions=(
            Permission(users=("scientist",), repositories=(HUB, INCOMING), patterns=_ALL, actions="rw"),
            Permission(users=("scientist", "registrar"), repositories=(BASES,), patterns=_ALL, actions="r"),
            Permission(users=("inspector",), repositories=(HUB, BASES), patterns=_ALL, actions="rw"),
            Permission(users=("registrar",), repositories=(INCOMING,), patterns=_ALL, actions="r"),
            Permission(users=("registrar",), repositories=(models[0], records[0]), patterns=_ALL, actions="rwn"),
            Permission(
                users=("registrar",), repositories=(records[0],), patterns=("tuf/timestamp.json",), actions="rwnd"
            ),
            Permission(users=("inspector",), repositories=(models[0], records[0]), patterns=_ALL, actions="r"),
            Permission(
                users=("inspector",),
                repositories=(records[0],),
                patterns=("*/releases/*/statements/inspector.*",),
                actions="w",
            ),
            Permission(users=("promoter",), repositories=(INCOMING,), patterns=_ALL, actions="r"),
            Permission(users=("promoter",), repositories=(*models, *records), patterns=_ALL, actions="rwn"),
            Permission(users=("promoter",), repositories=records, patterns=("tuf/timestamp.json",), actions="rwnd"),
            Permission(users=("keeper",), repositories=records, patterns=_ALL, actions="r"),
            Permission(users=("keeper",), repositories=records, patterns=("tuf/**",), actions="w"),
            Permission(users=("keeper",), repositories=records, patterns=("tuf/timestamp.json",), actions="rwnd"),
            Permission(users=("reader",), repositories=(*models, *records), patterns=_ALL, actions="r"),
        ),
    )
