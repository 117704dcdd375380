"""What a CloudFormation resource type is to the emulator: create, update, delete, and which changes replace it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = Mapping[str, Json]


class ResourceHandler(Protocol):
    """One resource type. An exception fails the resource with its text as the reason, and so the stack's operation.

    A change of a property in `create_only` replaces the resource: it is created anew, and the old one is deleted when
    the update of the whole stack has succeeded, or the new one when it has not. `blocks` is for handlers that wait.
    """

    @property
    def resource_type(self) -> str: ...

    @property
    def create_only(self) -> tuple[str, ...]: ...

    @property
    def blocks(self) -> bool: ...

    def create(self, logical_id: str, properties: JsonObject) -> tuple[str, JsonObject]:
        """Return physical id (Ref) and attributes (Fn::GetAtt)."""

    def update(self, physical_id: str, old: JsonObject, new: JsonObject) -> tuple[str, JsonObject]:
        """Change in place; return as `create` does."""

    def delete(self, physical_id: str, properties: JsonObject) -> None:
        """Delete; success when there is nothing to delete."""
