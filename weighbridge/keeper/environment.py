"""What the keeper's function reads from its environment, strictly. Names: the construct `ChannelKeeper`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from weighbridge.environment import digest, registry_url, required, required_name
from weighbridge.names import Digest
from weighbridge.registry import TokenOrigin, read_origin


@dataclass(frozen=True, slots=True)
class KeeperEnvironment:
    """Channel, registry, online keys (signer URIs) and ledger. `token` says where the token is, and is none."""

    channel: str
    root: Digest
    registry_url: str
    records_repository: str
    token: TokenOrigin
    snapshot_key: str
    timestamp_key: str
    sequences_table: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises:
            InputError: naming the first variable that is missing or malformed.
        """
        return cls(
            channel=required_name(environ, "WEIGHBRIDGE_CHANNEL"),
            root=digest(environ, "WEIGHBRIDGE_ROOT"),
            registry_url=registry_url(environ, "WEIGHBRIDGE_REGISTRY_URL"),
            records_repository=required_name(environ, "WEIGHBRIDGE_RECORDS_REPOSITORY"),
            token=read_origin(environ),
            snapshot_key=required(environ, "WEIGHBRIDGE_SNAPSHOT_KEY"),
            timestamp_key=required(environ, "WEIGHBRIDGE_TIMESTAMP_KEY"),
            sequences_table=required(environ, "WEIGHBRIDGE_SEQUENCES_TABLE"),
        )
