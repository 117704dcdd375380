"""What the auditor's function reads from its environment, strictly. Names: the construct `Auditor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from weighbridge.environment import RULE, channel_layout, digest, registry_url, required, required_name
from weighbridge.errors import InputError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registry import TokenOrigin, read_origin
from weighbridge.settings.watched import KMS, ROLES

WATCHED = "WEIGHBRIDGE_WATCHED_KEYS"


@dataclass(frozen=True, slots=True)
class AuditorEnvironment:
    """The environment, its channel and registry, where acceptances, ledger and seals lie, and the sealer's key.

    `watched_keys` are role and signer URI of the keys whose signatures CloudTrail counted are compared with the ledger.
    """

    environment: str
    layout: ChannelLayout
    root: Digest
    registry_url: str
    token: TokenOrigin
    acceptance_table: str
    metadata_bucket: str
    events_table: str
    events_bus: str
    seals_bucket: str
    sealer_key: str
    former_sealer_keys: tuple[str, ...]
    watched_keys: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises:
            InputError: naming the first variable that is missing or malformed.
        """
        return cls(
            environment=required_name(environ, "WEIGHBRIDGE_ENVIRONMENT"),
            layout=channel_layout(environ),
            root=digest(environ, "WEIGHBRIDGE_ROOT"),
            registry_url=registry_url(environ, "WEIGHBRIDGE_REGISTRY_URL"),
            token=read_origin(environ),
            acceptance_table=required(environ, "WEIGHBRIDGE_ACCEPTANCE_TABLE"),
            metadata_bucket=required(environ, "WEIGHBRIDGE_METADATA_BUCKET"),
            events_table=required(environ, "WEIGHBRIDGE_EVENTS_TABLE"),
            events_bus=required(environ, "WEIGHBRIDGE_EVENTS_BUS"),
            seals_bucket=required(environ, "WEIGHBRIDGE_SEALS_BUCKET"),
            sealer_key=required(environ, "WEIGHBRIDGE_SEALER_KEY"),
            former_sealer_keys=tuple(environ.get("WEIGHBRIDGE_FORMER_SEALER_KEYS", "").split()),
            watched_keys=tuple(map(_watched, required(environ, WATCHED).split(" "))) if WATCHED in environ else (),
        )


def _watched(text: str) -> tuple[str, str]:
    role, _, uri = text.partition("=")
    if role not in ROLES or not uri.startswith(KMS) or uri == KMS:
        raise InputError(
            f"{WATCHED}: {text!r} is not of the form ROLE=awskms:KEY: one space between two, roles {', '.join(ROLES)}",
            rule=RULE,
        )
    return role, uri
