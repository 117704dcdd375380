"""What the inspector's function reads from its environment, strictly. Names: the construct `Inspector`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from weighbridge.environment import channel_layout, registry_url, required, required_name
from weighbridge.errors import InputError
from weighbridge.layout import ChannelLayout
from weighbridge.names import check_name
from weighbridge.registry import TokenOrigin, read_origin

RULE = "input.event"


@dataclass(frozen=True, slots=True)
class InspectorEnvironment:
    """The first channel, the registry, and the inspector's key (a signer URI). `token` says where the token is, and is none.

    `scanner` is the name of the scanner that looks too, None for none, and `scanner_memory` what it may use, in bytes.
    `environment` is the environment's name; `events_bus` is the bus before the ledger of events, None without one.
    """

    environment: str
    layout: ChannelLayout
    registry_url: str
    token: TokenOrigin
    key: str
    events_bus: str | None
    scanner: str | None
    scanner_memory: int

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables.

        Raises:
            InputError: naming the first variable that is missing or malformed.
        """
        return cls(
            environment=required_name(environ, "WEIGHBRIDGE_ENVIRONMENT"),
            layout=channel_layout(environ),
            registry_url=registry_url(environ, "WEIGHBRIDGE_REGISTRY_URL"),
            token=read_origin(environ),
            key=required(environ, "WEIGHBRIDGE_INSPECTOR_KEY"),
            events_bus=environ.get("WEIGHBRIDGE_EVENTS_BUS") or None,
            scanner=_scanner(environ),
            scanner_memory=_mebibytes(environ, "WEIGHBRIDGE_SCANNER_MIB"),
        )


@dataclass(frozen=True, slots=True)
class InspectionOrder:
    """Which registered version is to be inspected: the event `{"model": NAME, "version": VERSION}`."""

    model: str
    version: str

    @classmethod
    def read(cls, event: Mapping[str, object]) -> Self:
        """Read an event; other keys are left alone.

        Raises:
            InputError: rule `input.event`.
        """
        model, version = event.get("model"), event.get("version")
        if not isinstance(model, str) or not isinstance(version, str):
            raise InputError("event: names no model and version: give both as text", rule=RULE)
        return cls(model=check_name(model, field="model"), version=check_name(version, field="version"))


def _scanner(environ: Mapping[str, str]) -> str | None:
    value = required(environ, "WEIGHBRIDGE_SCANNER")
    if value not in ("hayward", "none"):
        raise InputError(f"WEIGHBRIDGE_SCANNER: {value!r} is neither hayward nor none", rule="input.environment")
    return None if value == "none" else value


def _mebibytes(environ: Mapping[str, str], name: str) -> int:
    value = required(environ, name)
    if not value.isdecimal() or not value.isascii() or len(value) > 6:
        raise InputError(f"{name}: {value!r} is not a number of mebibytes", rule="input.environment")
    return int(value) * 1024 * 1024
