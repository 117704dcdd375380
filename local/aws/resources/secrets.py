"""AWS::SecretsManager::RotationSchedule and ResourcePolicy, which MiniStack knows as calls alone."""

from __future__ import annotations

import json

from local.aws.handler import JsonObject
from local.aws.rotation import Rotation, secret_of


class RotationScheduleHandler:
    """Switches the rotation of one secret on. Ref is the secret's ARN.

    Nothing rotates by the clock here. A schedule that does not rotate at once is tried out, and fails with its function.
    """

    resource_type = "AWS::SecretsManager::RotationSchedule"
    create_only = ("SecretId",)
    blocks = True

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation

    def create(self, _logical_id: str, properties: JsonObject) -> tuple[str, JsonObject]:
        """Switch it on."""
        if str(properties.get("RotateImmediatelyOnUpdate", True)).lower() == "true":
            raise ValueError("RotateImmediatelyOnUpdate: true is no part of this emulator: rotate by hand")
        function = str(properties["RotationLambdaARN"])
        secret = self._rotation.configure(
            str(properties["SecretId"]), function=function, rules=properties.get("RotationRules")
        )
        self._rotation.try_out(secret, function=function)
        arn = str(secret["ARN"])
        return arn, {"Id": arn}

    def update(self, _physical_id: str, _old: JsonObject, new: JsonObject) -> tuple[str, JsonObject]:
        """Switch it on as it is written now."""
        return self.create("", new)

    def delete(self, physical_id: str, _properties: JsonObject) -> None:
        """Switch it off."""
        secret = secret_of(physical_id)
        if secret is not None:
            secret["RotationEnabled"] = False


class SecretPolicyHandler:
    """Keeps the resource policy of one secret. Ref is the secret's ARN."""

    resource_type = "AWS::SecretsManager::ResourcePolicy"
    create_only = ("SecretId",)
    blocks = False

    def create(self, _logical_id: str, properties: JsonObject) -> tuple[str, JsonObject]:
        """Put the policy."""
        from ministack.services import secretsmanager

        policy = json.dumps(properties["ResourcePolicy"])
        status, _, body = secretsmanager._put_resource_policy(
            {"SecretId": properties["SecretId"], "ResourcePolicy": policy}
        )
        if status >= 400:
            raise ValueError(f"PutResourcePolicy answered {body[:200]!r}")
        arn = str(json.loads(body)["ARN"])
        return arn, {"Id": arn}

    def update(self, _physical_id: str, _old: JsonObject, new: JsonObject) -> tuple[str, JsonObject]:
        """Put the policy as it is written now."""
        return self.create("", new)

    def delete(self, physical_id: str, _properties: JsonObject) -> None:
        """Delete it."""
        from ministack.services import secretsmanager

        secretsmanager._delete_resource_policy({"SecretId": physical_id})
