"""AWS::SageMaker::StudioLifecycleConfig and AWS::SageMaker::NotebookInstanceLifecycleConfig. No notebook runs here."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping

from local.aws.handler import JsonObject

# SageMaker API reference: StudioLifecycleConfigContent, NotebookInstanceLifecycleConfigContent (base64 of a script).
CONTENT_LIMIT = 16_384


class StudioLifecycleConfigHandler:
    """A script for the spaces of a domain. Everything about it is create-only, and its name is taken while it is there."""

    resource_type = "AWS::SageMaker::StudioLifecycleConfig"
    create_only = ("StudioLifecycleConfigAppType", "StudioLifecycleConfigContent", "StudioLifecycleConfigName")
    blocks = False

    def __init__(self, *, account: str, region: str) -> None:
        self._prefix = f"arn:aws:sagemaker:{region}:{account}:studio-lifecycle-config/"
        self._names: set[str] = set()

    def create(self, _logical_id: str, properties: JsonObject) -> tuple[str, JsonObject]:
        """Keep the name; refuse a script that is none."""
        name = str(properties["StudioLifecycleConfigName"])
        if name in self._names:
            raise ValueError(f"Studio Lifecycle Config with name {name} already exists")
        _check_script(properties["StudioLifecycleConfigContent"])
        self._names.add(name)
        return name, {"StudioLifecycleConfigArn": f"{self._prefix}{name}"}

    def update(self, physical_id: str, _old: JsonObject, _new: JsonObject) -> tuple[str, JsonObject]:
        """Tags alone can change."""
        return physical_id, {"StudioLifecycleConfigArn": f"{self._prefix}{physical_id}"}

    def delete(self, physical_id: str, _properties: JsonObject) -> None:
        """Free the name."""
        self._names.discard(physical_id)


class NotebookLifecycleConfigHandler:
    """Scripts for notebook instances."""

    resource_type = "AWS::SageMaker::NotebookInstanceLifecycleConfig"
    create_only = ("NotebookInstanceLifecycleConfigName",)
    blocks = False

    def __init__(self, *, account: str, region: str) -> None:
        self._prefix = f"arn:aws:sagemaker:{region}:{account}:notebook-instance-lifecycle-config/"

    def create(self, logical_id: str, properties: JsonObject) -> tuple[str, JsonObject]:
        """Make a name where there is none."""
        given = properties.get("NotebookInstanceLifecycleConfigName")
        return self._checked(str(given or f"{logical_id}-{uuid.uuid4().hex[:12]}"), properties)

    def update(self, physical_id: str, _old: JsonObject, new: JsonObject) -> tuple[str, JsonObject]:
        """Take other scripts."""
        return self._checked(physical_id.removeprefix(self._prefix), new)

    def delete(self, _physical_id: str, _properties: JsonObject) -> None:
        """Nothing is kept."""

    def _checked(self, name: str, properties: JsonObject) -> tuple[str, JsonObject]:
        for hook in ("OnCreate", "OnStart"):
            scripts = properties.get(hook)
            for script in scripts if isinstance(scripts, list | tuple) else ():
                assert isinstance(script, Mapping)
                _check_script(script["Content"])
        return f"{self._prefix}{name}", {"NotebookInstanceLifecycleConfigName": name}


def _check_script(content: object) -> None:
    if len(str(content)) > CONTENT_LIMIT:
        raise ValueError(f"the content has {len(str(content))} characters, more than {CONTENT_LIMIT}")
    if not base64.b64decode(str(content), validate=True).startswith(b"#!"):
        raise ValueError("the content is no script: it begins with no #!")
