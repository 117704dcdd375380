"""What became of CloudFormation stacks: their status, and the events since a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "IMPORT_COMPLETE")


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One event of a stack."""

    logical_id: str
    resource_type: str
    status: str
    reason: str
    physical_id: str

    def __str__(self) -> str:
        return f"{self.status} {self.resource_type} {self.logical_id}{': ' + self.reason if self.reason else ''}"


@dataclass(frozen=True, slots=True)
class StackOutcome:
    """One stack after an operation; `events` are those of the operation, oldest first: none when nothing changed."""

    name: str
    status: str
    outputs: dict[str, str]
    events: tuple[StackEvent, ...]

    @property
    def succeeded(self) -> bool:
        """Whether it is complete, and not by having been rolled back."""
        return self.status in _GOOD

    @property
    def failures(self) -> tuple[StackEvent, ...]:
        """The events that say what failed, and why; the first is the cause."""
        return tuple(event for event in self.events if event.status.endswith("_FAILED"))


class StackWatch:
    """Remembers which events stacks have now; `outcomes` reports those that came after."""

    def __init__(self, *, client: CloudFormationClient, stacks: tuple[str, ...]) -> None:
        self._client = client
        self._ids = {name: self._identifier(name) for name in stacks}
        self._seen = {name: len(self._events(name)) for name in stacks}

    def outcomes(self) -> dict[str, StackOutcome]:
        """Return the outcome of every stack that exists, or existed when this was made."""
        found = {}
        for name, before in self._ids.items():
            identifier = self._identifier(name) or before
            if identifier is not None:
                seen = self._seen[name] if identifier == before else 0
                found[name] = self._outcome(name, identifier, seen=seen)
        return found

    def _outcome(self, name: str, identifier: str, *, seen: int) -> StackOutcome:
        stack = self._client.describe_stacks(StackName=identifier)["Stacks"][0]
        return StackOutcome(
            name=name,
            status=stack["StackStatus"],
            outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
            events=self._events(identifier)[seen:],
        )

    def _identifier(self, name: str) -> str | None:
        try:
            return self._client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _events(self, name: str) -> tuple[StackEvent, ...]:
        try:
            pages = list(self._client.get_paginator("describe_stack_events").paginate(StackName=name))
        except ClientError as error:
            if "does not exist" in str(error):
                return ()
            raise
        events = [event for page in pages for event in page["StackEvents"]]
        return tuple(
            StackEvent(
                logical_id=event.get("LogicalResourceId", ""),
                resource_type=event.get("ResourceType", ""),
                status=event.get("ResourceStatus", ""),
                reason=event.get("ResourceStatusReason", ""),
                physical_id=event.get("PhysicalResourceId", ""),
            )
            for event in reversed(events)
        )
