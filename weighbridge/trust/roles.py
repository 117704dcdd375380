"""The roles of a channel's TUF repository, and where their metadata lies."""

from __future__ import annotations

from tuf.api.metadata import TOP_LEVEL_ROLE_NAMES, Timestamp

from weighbridge.errors import InputError
from weighbridge.names import check_name

REVOCATIONS = "revocations"
REVOCATIONS_PATTERN = "revocations/*"
RESERVED = frozenset({*TOP_LEVEL_ROLE_NAMES, REVOCATIONS})


def check_model_name(name: str) -> str:
    """Return `name` if a model may be called so: its role must not be taken for one of TUF's or ours.

    Raises:
        InputError: rule `input.name`.
    """
    check_name(name, field="model name")
    if name.casefold() in RESERVED:
        raise InputError(f"model name: {name!r} is a role of every channel: choose another", rule="input.name")
    return name


def promotions_pattern(name: str) -> str:
    """Return the target paths that a model's role may sign."""
    return f"promotions/{name}/*"


def metadata_path(*, role: str, version: int) -> str:
    """Return the path of one version of a role's metadata below `tuf/`; `timestamp.json` alone has no version."""
    return f"{role}.json" if role == Timestamp.type else f"{version}.{role}.json"
