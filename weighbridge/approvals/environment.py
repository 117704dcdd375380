"""What the approvals function reads from its environment, strictly. Names: the construct `Approvals`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from weighbridge.environment import RULE, channel_layout, registry_url, required, required_name, whole
from weighbridge.errors import InputError
from weighbridge.layout import ChannelLayout
from weighbridge.registry import TokenOrigin, read_origin

_APPROVER = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(user|role)/[\w+=,.@-]+")
MOST_DAYS = 365


@dataclass(frozen=True, slots=True)
class ApprovalsEnvironment:
    """The channel, the registry, the approver's key (a signer URI), who may approve and for how long, where rows are claimed.

    `events_bus` is the bus before the ledger of events, None without one. `sts_endpoint` is set on a local AWS alone.
    """

    environment: str
    layout: ChannelLayout
    registry_url: str
    token: TokenOrigin
    key: str
    approvers: frozenset[str]
    days: int
    sequences_table: str
    region: str
    events_bus: str | None
    sts_endpoint: str | None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises:
            InputError: naming the first variable that is missing or malformed.
        """
        approvers = required(environ, "WEIGHBRIDGE_APPROVERS").split(" ")
        for item in approvers:
            if not _APPROVER.fullmatch(item):
                raise InputError(f"WEIGHBRIDGE_APPROVERS: {item!r} is not the ARN of a user or role", rule=RULE)
        return cls(
            environment=required_name(environ, "WEIGHBRIDGE_ENVIRONMENT"),
            layout=channel_layout(environ),
            registry_url=registry_url(environ, "WEIGHBRIDGE_REGISTRY_URL"),
            token=read_origin(environ),
            key=required(environ, "WEIGHBRIDGE_APPROVER_KEY"),
            approvers=frozenset(approvers),
            days=whole(
                required(environ, "WEIGHBRIDGE_APPROVAL_DAYS"), field="WEIGHBRIDGE_APPROVAL_DAYS", most=MOST_DAYS
            ),
            sequences_table=required(environ, "WEIGHBRIDGE_SEQUENCES_TABLE"),
            region=required(environ, "AWS_REGION"),
            events_bus=environ.get("WEIGHBRIDGE_EVENTS_BUS"),
            sts_endpoint=environ.get("AWS_ENDPOINT_URL_STS") or environ.get("AWS_ENDPOINT_URL"),
        )
