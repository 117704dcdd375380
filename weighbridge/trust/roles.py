"""The roles of a channel's TUF repository, and where their metadata lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import TOP_LEVEL_ROLE_NAMES, Timestamp

from weighbridge.errors import InputError
from weighbridge.names import check_name
from weighbridge.trust.keys import check_key_id

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


@dataclass(frozen=True, slots=True)
class Expiries:
    """How long metadata stays valid after it was signed.

    `snapshot` and `timestamp` are the grace: a channel that nobody re-signs stops being believed when they end, and
    within them nothing has to be reachable.
    """

    root: timedelta = timedelta(days=365)
    targets: timedelta = timedelta(days=365)
    models: timedelta = timedelta(days=365)
    revocations: timedelta = timedelta(days=365)
    snapshot: timedelta = timedelta(days=7)
    timestamp: timedelta = timedelta(days=7)

    def of(self, role: str) -> timedelta:
        """Return the validity of a role's metadata; a model's role is any that is none of the others."""
        fixed = {
            "root": self.root,
            "targets": self.targets,
            REVOCATIONS: self.revocations,
            "snapshot": self.snapshot,
            "timestamp": self.timestamp,
        }
        return fixed.get(role, self.models)


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """Public keys of a role, and how many distinct ones must sign.

    Raises:
        InputError: for no key, a key twice or not under its standard id, or a threshold out of reach.
    """

    keys: tuple[Key, ...]
    threshold: int = 1

    def __post_init__(self) -> None:
        for key in self.keys:
            check_key_id(key, expected=key.keyid, field="role keys")
        distinct = {key.keyid for key in self.keys}
        if len(distinct) != len(self.keys) or not 1 <= self.threshold <= len(distinct):
            raise InputError(f"role keys: {len(distinct)} distinct keys cannot carry a threshold of {self.threshold}")

    @classmethod
    def of(cls, signers: Sequence[Signer], *, threshold: int = 1) -> RoleKeys:
        """Return the public keys of `signers`."""
        return cls(keys=tuple(signer.public_key for signer in signers), threshold=threshold)


@dataclass(frozen=True, slots=True)
class OnlineSigners:
    """The keys that sign on every publish and on the schedule; both may be one key."""

    snapshot: Signer
    timestamp: Signer
