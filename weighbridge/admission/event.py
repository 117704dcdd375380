"""A call of CloudFormation's Lambda Hook, and the answer to it.

Source: CloudFormation Hooks User Guide, "Create Lambda functions to evaluate resources for Lambda Hooks".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from weighbridge.canonical import JsonObject
from weighbridge.errors import InputError

RULE = "input.event"
# CloudFormation cuts a message at 4096 characters, Cloud Control at 1024.
MESSAGE_LIMIT = 1024
_CUT = " ..."
ErrorCode = Literal["NonCompliant", "InternalFailure"]


@dataclass(frozen=True, slots=True)
class HookCall:
    """One resource that is about to be created or updated; `properties` as CloudFormation has resolved them."""

    kind: str
    logical_id: str
    stack: str
    properties: Mapping[str, object]

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> Self:
        """Read the event of a resource's hook.

        Raises:
            InputError: rule `input.event`, naming the field.
        """
        request = _mapping(document.get("requestData"), field="requestData")
        model = _mapping(request.get("targetModel"), field="requestData.targetModel")
        kind = request.get("targetName")
        if not isinstance(kind, str) or not kind:
            raise InputError("requestData.targetName: is no text: aim the hook at resources", rule=RULE)
        return cls(
            kind=kind,
            logical_id=_text(request.get("targetLogicalId")),
            stack=_text(document.get("stackId")),
            properties=_mapping(model.get("resourceProperties"), field="requestData.targetModel.resourceProperties"),
        )


def passed(document: Mapping[str, object], *, message: str) -> JsonObject:
    """Return the answer that lets the resource through."""
    return {"hookStatus": "SUCCESS", "message": _line(message), **_token(document)}


def refused(document: Mapping[str, object], *, code: ErrorCode, reasons: Sequence[str]) -> JsonObject:
    """Return the answer that refuses the resource, or in the failure mode WARN warns of it; reasons as one line."""
    return {"hookStatus": "FAILED", "errorCode": code, "message": _line("; ".join(reasons)), **_token(document)}


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - len(_CUT)] + _CUT


def _token(document: Mapping[str, object]) -> JsonObject:
    token = document.get("clientRequestToken")
    return {"clientRequestToken": token} if isinstance(token, str) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object, *, field: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise InputError(f"{field}: is no object: aim the hook at resources", rule=RULE)
    return value
