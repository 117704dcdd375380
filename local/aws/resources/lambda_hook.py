"""AWS::CloudFormation::LambdaHook: activates a hook; local/aws/hooks.py asks it."""

from __future__ import annotations

from local.aws.handler import JsonObject
from local.aws.hooks import Hooks


class LambdaHookHandler:
    """CloudFormation's handler. Ref is the hook's ARN."""

    resource_type = "AWS::CloudFormation::LambdaHook"
    create_only = ("Alias", "AutoUpdate", "LoggingConfig")
    blocks = False

    def __init__(self, hooks: Hooks, *, account: str, region: str) -> None:
        self._hooks = hooks
        self._place = f"{region}:{account}"

    def create(self, _logical_id: str, properties: JsonObject) -> tuple[str, JsonObject]:
        """Activate it."""
        self._hooks.activate(properties)
        arn = f"arn:aws:cloudformation:{self._place}:type/hook/{str(properties['Alias']).replace('::', '-')}"
        return arn, {"HookArn": arn}

    def update(self, physical_id: str, _old: JsonObject, new: JsonObject) -> tuple[str, JsonObject]:
        """Change it."""
        self._hooks.activate(new)
        return physical_id, {"HookArn": physical_id}

    def delete(self, _physical_id: str, properties: JsonObject) -> None:
        """Deactivate it."""
        self._hooks.deactivate(str(properties["Alias"]))
