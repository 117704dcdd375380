"""What the resolver's function reads from its environment, strictly. Names: the construct `PromotedModel`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from weighbridge.environment import channel_layout, digest, registry_url, required
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest
from weighbridge.registry import TokenOrigin, read_origin


@dataclass(frozen=True, slots=True)
class ResolverEnvironment:
    """Channel, registry, and where memory lies. `token` says where the token is, and is none."""

    layout: ChannelLayout
    root: Digest
    registry_url: str
    token: TokenOrigin
    acceptance_table: str
    metadata_bucket: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises:
            InputError: naming the first variable that is missing or malformed.
        """
        return cls(
            layout=channel_layout(environ),
            root=digest(environ, "WEIGHBRIDGE_ROOT"),
            registry_url=registry_url(environ, "WEIGHBRIDGE_REGISTRY_URL"),
            token=read_origin(environ),
            acceptance_table=required(environ, "WEIGHBRIDGE_ACCEPTANCE_TABLE"),
            metadata_bucket=required(environ, "WEIGHBRIDGE_METADATA_BUCKET"),
        )
