"""Reading environment variables strictly: the checks that every container shares. One line names the variable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from weighbridge.errors import InputError
from weighbridge.layout import ChannelLayout
from weighbridge.names import Digest, check_name

RULE = "input.environment"
ML_ROOT = "WEIGHBRIDGE_ML_ROOT"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def required(environ: Mapping[str, str], name: str) -> str:
    """Return the variable `name`.

    Raises:
        InputError: rule `input.environment`, when it is missing, empty or not one plain line.
    """
    value = environ.get(name)
    if value is None:
        raise InputError(
            f"{name}: not set: whoever starts this container must set it (docs/architecture.md)", rule=RULE
        )
    if not value or value != value.strip() or not value.isprintable():
        raise InputError(f"{name}: empty, or with white space or control characters around it", rule=RULE)
    return value


def required_name(environ: Mapping[str, str], name: str) -> str:
    """Return the variable `name`, which must be a legal name (weighbridge.names)."""
    return check_name(required(environ, name), field=name)


def registry_url(environ: Mapping[str, str], name: str) -> str:
    """Return the registry's address: `https://HOST/artifactory`, or plain HTTP on this machine.

    Raises:
        InputError: rule `input.environment`; a token would otherwise travel in the clear.
    """
    value = required(environ, name)
    parts = urlsplit(value)
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (parts.scheme == "https" or plain) or not parts.hostname or not parts.path.endswith("/artifactory"):
        raise InputError(
            f"{name}: {parts.scheme}://{parts.hostname}{parts.path} is not of the form https://HOST/artifactory",
            rule=RULE,
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise InputError(f"{name}: holds user information, a query or a fragment: give the bare address", rule=RULE)
    return value


def channel_layout(environ: Mapping[str, str]) -> ChannelLayout:
    """Return the channel that the container works with: WEIGHBRIDGE_CHANNEL and the channel's two repositories.

    Raises:
        InputError: naming the first variable that is missing or no legal name.
    """
    return ChannelLayout(
        channel=required_name(environ, "WEIGHBRIDGE_CHANNEL"),
        models_repository=required_name(environ, "WEIGHBRIDGE_MODELS_REPOSITORY"),
        records_repository=required_name(environ, "WEIGHBRIDGE_RECORDS_REPOSITORY"),
    )


def digest(environ: Mapping[str, str], name: str) -> Digest:
    """Return the variable `name`, which must be a digest (`sha256:HEX`), such as that of the channel's pinned root."""
    return Digest.parse(required(environ, name), field=name)


def ml_root(environ: Mapping[str, str]) -> Path:
    """Return SageMaker's folder: /opt/ml, or what WEIGHBRIDGE_ML_ROOT says."""
    value = environ.get(ML_ROOT, "/opt/ml")
    path = Path(value)
    if not path.is_absolute() or ".." in path.parts:
        raise InputError(f"{ML_ROOT}: {value!r} is not an absolute path", rule=RULE)
    return path


def whole(value: str, *, field: str, most: int) -> int:
    """Return `value` as a whole number from 1 to `most`."""
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= most:
        raise InputError(f"{field}: {value!r} is not a whole number from 1 to {most}", rule=RULE)
    return int(value)
