"""CloudFormation's Lambda Hooks, as far as this app uses them: asked before a resource is created or updated.

Source: CloudFormation Hooks User Guide, "Create Lambda functions to evaluate resources for Lambda Hooks", "stack level
filters" and "target filters".
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from local.aws.handler import JsonObject

Action = Literal["CREATE", "UPDATE"]


@dataclass(frozen=True, slots=True)
class Target:
    """A resource that is about to be created or updated; `previous` are its properties until now."""

    action: Action
    kind: str
    logical_id: str
    stack: str
    stack_id: str
    properties: JsonObject
    previous: JsonObject | None = None


Check = Callable[[Target], None]


class HookFailedError(Exception):
    """A hook in failure mode FAIL refused; the text is the reason of the resource's failure."""


class Hooks:
    """The activated hooks by alias. `invoke` calls a function: its ARN and the event, to its answer and whether it failed."""

    def __init__(self, *, invoke: Callable[[str, JsonObject], tuple[object, bool]]) -> None:
        self._invoke = invoke
        self._active: dict[str, JsonObject] = {}

    def activate(self, properties: JsonObject) -> None:
        """Activate or change the hook that `properties` describe."""
        self._active[str(properties["Alias"])] = properties

    def deactivate(self, alias: str) -> None:
        """Deactivate a hook, if there is one."""
        self._active.pop(alias, None)

    def check(self, target: Target) -> None:
        """Ask every hook that aims at the resource.

        Raises:
            HookFailedError: when one refuses, gives no answer that can be read, or is not there, in failure mode FAIL.
        """
        for alias, hook in self._active.items():
            if not _aims(hook, target):
                continue
            answer, failed = self._ask(alias, hook, target)
            if not failed and isinstance(answer, Mapping) and answer.get("hookStatus") == "SUCCESS":
                continue
            said = answer.get("message") or answer.get("errorMessage") if isinstance(answer, Mapping) else answer
            reason = f"The following hook(s) failed: [{alias}]: Hook failed with message: {said}"
            if hook["FailureMode"] == "FAIL":
                raise HookFailedError(reason)
            logging.getLogger(__name__).warning("%s %s: %s", target.stack, target.logical_id, reason)

    def _ask(self, alias: str, hook: JsonObject, target: Target) -> tuple[object, bool]:
        model = {"resourceProperties": target.properties, "previousResourceProperties": target.previous}
        event: JsonObject = {
            "clientRequestToken": str(uuid.uuid4()),
            "awsAccountId": target.stack_id.split(":")[4],
            "stackId": target.stack_id,
            "changeSetId": None,
            "hookTypeName": alias,
            "hookTypeVersion": "00000001",
            "hookModel": {"LambdaFunction": hook["LambdaFunction"]},
            "actionInvocationPoint": f"{target.action}_PRE_PROVISION",
            "requestData": {
                "targetName": target.kind,
                "targetType": target.kind,
                "targetLogicalId": target.logical_id,
                "targetModel": model,
            },
            "requestContext": {"invocation": 1, "callbackContext": None},
        }
        try:
            return self._invoke(str(hook["LambdaFunction"]), event)
        except LookupError as error:
            return {"message": str(error)}, True


def _aims(hook: JsonObject, target: Target) -> bool:
    if hook.get("HookStatus") != "ENABLED" or "RESOURCE" not in _list(hook.get("TargetOperations")):
        return False
    wanted = _list(_object(hook.get("TargetFilters")).get("Targets"))
    here = {"TargetName": target.kind, "Action": target.action, "InvocationPoint": "PRE_PROVISION"}
    names = _object(_object(hook.get("StackFilters")).get("StackNames"))
    only, excepted = _list(names.get("Include")), _list(names.get("Exclude"))
    included = not only or any(fnmatchcase(target.stack, str(name)) for name in only)
    return here in wanted and included and not any(fnmatchcase(target.stack, str(name)) for name in excepted)


def _object(value: object) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
