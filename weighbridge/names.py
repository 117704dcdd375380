"""Names, digests and references, parsed once and carried as values.

Model names and versions follow frogml's rule (frogml 2.1 `_input_checks_utility.py`): `^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$`,
at most 60 characters.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from weighbridge.errors import InputError

NAME_LIMIT = 60
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_REVISION = re.compile(r"[0-9a-f]{40}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")


def check_name(value: str, *, field: str) -> str:
    """Return `value` if it is a legal model name or version.

    Raises:
        InputError: naming `field`, when it is not.
    """
    if len(value) > NAME_LIMIT or not _NAME.fullmatch(value):
        raise InputError(
            f"{field}: {value!r} is not a legal name: use letters, digits, '_', '-' and single inner dots, "
            f"at most {NAME_LIMIT} characters",
            rule="input.name",
        )
    return value


def check_revision(value: str, *, field: str) -> str:
    """Return `value` if it is a full 40-hex commit: branches and tags move, commits do not."""
    if not _REVISION.fullmatch(value):
        raise InputError(
            f"{field}: {value!r} is not a pinned revision: give the full 40-hex commit", rule="input.revision"
        )
    return value


@dataclass(frozen=True, slots=True)
class Digest:
    """A SHA-256 digest. `str()` gives `sha256:HEX`; `hex` gives the bare 64 lower-case hex digits."""

    hex: str

    def __post_init__(self) -> None:
        if not _HEX64.fullmatch(self.hex):
            raise InputError(f"digest: {self.hex!r} is not 64 lower-case hex digits", rule="input.digest")

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Hash `data`."""
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def parse(cls, value: str, *, field: str = "digest") -> Self:
        """Read `sha256:HEX`."""
        algorithm, _, rest = value.partition(":")
        if algorithm != "sha256" or not _HEX64.fullmatch(rest):
            raise InputError(f"{field}: {value!r} is not of the form sha256:<64 hex digits>", rule="input.digest")
        return cls(rest)

    def __str__(self) -> str:
        return f"sha256:{self.hex}"


@dataclass(frozen=True, slots=True)
class ReleaseReference:
    """`HOST/REPOSITORY/NAME:VERSION@sha256:RELEASE_DIGEST`, written as people write images."""

    host: str
    repository: str
    name: str
    version: str
    digest: Digest

    @classmethod
    def parse(cls, value: str, *, field: str = "reference") -> Self:
        """Read a reference.

        Raises:
            InputError: naming `field` and the expected form.
        """
        location, at, digest = value.partition("@")
        parts = location.split("/")
        name, colon, version = parts[-1].partition(":")
        if not at or not colon or len(parts) != 3 or not _HOST.fullmatch(parts[0]):
            raise InputError(
                f"{field}: {value!r} is not of the form HOST/REPOSITORY/NAME:VERSION@sha256:DIGEST",
                rule="input.reference",
            )
        return cls(
            host=parts[0],
            repository=check_name(parts[1], field=field),
            name=check_name(name, field=field),
            version=check_name(version, field=field),
            digest=Digest.parse(digest, field=field),
        )

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}/{self.name}:{self.version}@{self.digest}"


@dataclass(frozen=True, slots=True)
class ReleaseId:
    """`SEQUENCE@sha256:PROMOTION_DIGEST`: which promotion an environment runs (kept in an SSM parameter)."""

    sequence: int
    digest: Digest

    @classmethod
    def parse(cls, value: str, *, field: str = "release id") -> Self:
        """Read a release id.

        Raises:
            InputError: naming `field` and the expected form.
        """
        sequence, _, digest = value.partition("@")
        if not re.fullmatch(r"[1-9][0-9]{0,14}", sequence):
            raise InputError(
                f"{field}: {value!r} is not of the form SEQUENCE@sha256:PROMOTION_DIGEST", rule="input.release-id"
            )
        return cls(sequence=int(sequence), digest=Digest.parse(digest, field=field))

    def __str__(self) -> str:
        return f"{self.sequence}@{self.digest}"
