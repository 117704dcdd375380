"""What CloudFormation says of a stack: its status, and the value of the SSM-typed parameter that it runs with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from weighbridge.errors import CloudError, InputError
from weighbridge.names import ReleaseId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef

ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"
ROLLING_BACK = "UPDATE_ROLLBACK_IN_PROGRESS"
_DETAIL_TYPE = "CloudFormation Stack Status Change"


@dataclass(frozen=True, slots=True)
class StackEvent:
    """An EventBridge event `CloudFormation Stack Status Change`."""

    stack_id: str
    status: str

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> Self:
        """Read the event.

        Source: CloudFormation User Guide, "Managing events with CloudFormation and Amazon EventBridge".

        Raises:
            InputError: rule `input.event`, naming the field.
        """
        if document.get("detail-type") != _DETAIL_TYPE:
            raise InputError(f"detail-type: is not {_DETAIL_TYPE!r}", rule="input.event")
        detail = document.get("detail")
        stack_id = detail.get("stack-id") if isinstance(detail, Mapping) else None
        details = detail.get("status-details") if isinstance(detail, Mapping) else None
        status = details.get("status") if isinstance(details, Mapping) else None
        if not isinstance(stack_id, str) or not isinstance(status, str):
            raise InputError("detail: holds no text stack-id and status-details.status", rule="input.event")
        return cls(stack_id=stack_id, status=status)


class StackReader:
    """Reads one stack. Needs cloudformation:DescribeStacks on it."""

    def __init__(self, *, client: CloudFormationClient, stack_id: str) -> None:
        self._client = client
        self._stack_id = stack_id

    def status(self) -> str:
        """Return the stack's status, such as `UPDATE_ROLLBACK_IN_PROGRESS`.

        Raises:
            CloudError: when CloudFormation refuses or does not answer.
        """
        return str(self._describe()["StackStatus"])

    def running(self, *, parameter: str) -> ReleaseId:
        """Return the release id that the stack runs with: the value that it read of the SSM parameter `parameter`.

        After a rollback, CloudFormation describes the stack as it was before the update; `ResolvedValue` is the value
        that it read then (API reference, "Parameter"). An emulator may give the value as `ParameterValue`.

        Raises:
            CloudError: when CloudFormation refuses, or the stack takes no such parameter.
        """
        found = self._describe().get("Parameters", [])
        for item in found:
            if item.get("ParameterValue") == parameter and (known := _release_id(item.get("ResolvedValue", ""))):
                return known
        values = {known for item in found if (known := _release_id(_value(item)))}
        if len(values) == 1:
            return values.pop()
        raise CloudError(
            f"stack {self._stack_id}: no template parameter took its value from SSM parameter {parameter}: "
            "give the stack a parameter of type AWS::SSM::Parameter::Value<String>"
        )

    def _describe(self) -> StackTypeDef:
        try:
            return self._client.describe_stacks(StackName=self._stack_id)["Stacks"][0]
        except (BotoCoreError, ClientError) as error:
            raise CloudError(f"cloudformation:DescribeStacks on {self._stack_id}: {error}") from error


def _value(item: ParameterTypeDef) -> str:
    return item.get("ResolvedValue") or item.get("ParameterValue", "")


def _release_id(value: str) -> ReleaseId | None:
    try:
        return ReleaseId.parse(value)
    except InputError:
        return None
