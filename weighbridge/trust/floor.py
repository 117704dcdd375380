"""The floor: the lowest metadata versions that a client still accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from weighbridge.errors import InputError
from weighbridge.names import check_name

_ENTRY = re.compile(r"([^=,]+)=([1-9][0-9]{0,14})")


@dataclass(frozen=True, slots=True)
class Floor:
    """Metadata versions by role. `str()` gives `root=1,timestamp=5,...`, in a fixed order.

    A container starts with an empty folder and cannot know what was current yesterday; the resolver hands it the
    versions that it saw, so that older signed metadata is refused.
    """

    versions: Mapping[str, int]

    def __post_init__(self) -> None:
        for role, version in self.versions.items():
            check_name(role, field="floor role")
            if not 1 <= version < 10**15:
                raise InputError(f"floor: {role}={version} is not a version from 1", rule="input.floor")

    @classmethod
    def parse(cls, value: str, *, field: str = "floor") -> Self:
        """Read `ROLE=VERSION,...`.

        Raises:
            InputError: naming `field`, for anything else or a role that stands twice.
        """
        versions: dict[str, int] = {}
        for entry in value.split(","):
            match = _ENTRY.fullmatch(entry)
            if match is None or match[1] in versions:
                raise InputError(f"{field}: {entry!r} is not one ROLE=VERSION of a comma list", rule="input.floor")
            versions[match[1]] = int(match[2])
        return cls(versions)

    def __str__(self) -> str:
        first = [role for role in ("root", "timestamp", "snapshot", "targets") if role in self.versions]
        rest = sorted(set(self.versions) - set(first))
        return ",".join(f"{role}={self.versions[role]}" for role in [*first, *rest])

    def merge(self, other: Floor) -> Floor:
        """Return the higher version of each role of either."""
        roles = {**self.versions, **other.versions}
        return Floor({role: max(self.versions.get(role, 0), other.versions.get(role, 0)) for role in roles})

    def below(self, other: Floor) -> tuple[str, ...]:
        """Return the roles of `other` that stand lower here, or are missing here."""
        return tuple(role for role, version in sorted(other.versions.items()) if self.versions.get(role, 0) < version)

    def covers(self, other: Floor) -> bool:
        """Return whether each role of `other` stands here at its version or a higher one."""
        return not self.below(other)
