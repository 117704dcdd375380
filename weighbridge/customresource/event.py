"""The event that CloudFormation sends for a custom resource.

Source: CloudFormation User Guide, "Custom resource request objects"
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html). CloudFormation writes every
property that is not a map or a list as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlsplit

from weighbridge.errors import InputError
from weighbridge.registry.http import LOOPBACK

RequestType = Literal["Create", "Update", "Delete"]
RULE = "input.event"
TEXT_LIMIT = 2048


@dataclass(frozen=True, slots=True)
class Event:
    """One request. `response_url` is a presigned URL, a secret: it is in no text form of this value."""

    request_type: RequestType
    request_id: str
    response_url: str
    stack_id: str
    logical_id: str
    physical_id: str
    properties: Mapping[str, object]
    old_properties: Mapping[str, object]

    def __repr__(self) -> str:
        return f"Event({self.request_type} {self.logical_id}, request {self.request_id})"

    def text(self, name: str) -> str:
        """Return the property `name`, which must be one line of text.

        Raises:
            InputError: rule `input.event`, naming the property.
        """
        return _text(self.properties, name, where="ResourceProperties.")


def parse_event(document: Mapping[str, object]) -> Event:
    """Return the event. Properties are not looked into: a resource of any shape can be answered, and deleted.

    The physical id is constant: the one that CloudFormation sends, else one made of the logical id.

    Raises:
        InputError: rule `input.event`: it is not such an event, and there is nowhere to answer.
    """
    kind = _text(document, "RequestType")
    if kind not in ("Create", "Update", "Delete"):
        raise InputError(f"RequestType: {kind!r} is not one of Create, Update and Delete", rule=RULE)
    logical_id = _text(document, "LogicalResourceId")
    physical_id = document.get("PhysicalResourceId")
    return Event(
        request_type=cast(RequestType, kind),
        request_id=_text(document, "RequestId"),
        response_url=_response_url(document),
        stack_id=_text(document, "StackId"),
        logical_id=logical_id,
        physical_id=physical_id if isinstance(physical_id, str) and physical_id else f"weighbridge-{logical_id}",
        properties=_mapping(document, "ResourceProperties"),
        old_properties=_mapping(document, "OldResourceProperties"),
    )


def _text(document: Mapping[str, object], name: str, *, where: str = "") -> str:
    value = document.get(name)
    if value is None:
        raise InputError(f"{where}{name}: is missing: give it as text", rule=RULE)
    if not isinstance(value, str):
        raise InputError(f"{where}{name}: {type(value).__name__} is not text", rule=RULE)
    if not value or not value.isprintable() or len(value) > TEXT_LIMIT:
        raise InputError(f"{where}{name}: is not one line of 1 to {TEXT_LIMIT} printable characters", rule=RULE)
    return value


def _mapping(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = document.get(name)
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def _response_url(document: Mapping[str, object]) -> str:
    value = document.get("ResponseURL")
    if isinstance(value, str):
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
            return value
    raise InputError("ResponseURL: is not an https URL (its value is a secret and not shown)", rule=RULE)
