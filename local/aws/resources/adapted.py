"""Types that MiniStack has, but otherwise than AWS in something that this app relies on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from local.aws.handler import JsonObject

# MiniStack's table entry of a type: `create(logical_id, properties, stack)`, `delete(physical_id, properties)`,
# `update(physical_id, old, new, stack, logical_id)`, and flags.
Entry = Mapping[str, object]
Created = tuple[str, JsonObject]


def adapt_vpc(entry: Entry) -> Entry:
    """AWS::EC2::VPC with the attribute CidrBlock."""
    create, update = _functions(entry)

    def adapted_create(logical_id: str, properties: JsonObject, stack: str) -> Created:
        physical_id, attributes = create(logical_id, properties, stack)
        return physical_id, {**attributes, "CidrBlock": properties.get("CidrBlock")}

    def adapted_update(physical_id: str, old: JsonObject, new: JsonObject, *rest: str) -> Created:
        new_id, attributes = update(physical_id, old, new, *rest)
        return new_id, {**attributes, "CidrBlock": new.get("CidrBlock")}

    return {**entry, "create": adapted_create, "update": adapted_update}


def adapt_secret(entry: Entry) -> Entry:
    """AWS::SecretsManager::Secret: Ref is the ARN, not the name, and a secret without a value has no version.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
    """
    create, update = _functions(entry)
    delete = entry["delete"]
    assert callable(delete)

    def adapted_create(logical_id: str, properties: JsonObject, stack: str) -> Created:
        name, attributes = create(logical_id, properties, stack)
        if not {"SecretString", "GenerateSecretString"} & set(properties):
            from ministack.services import secretsmanager

            secretsmanager._secrets[name]["Versions"].clear()
        return str(attributes["Arn"]), attributes

    def adapted_update(physical_id: str, old: JsonObject, new: JsonObject, *rest: str) -> Created:
        _, attributes = update(_secret_name(physical_id), old, new, *rest)
        return str(attributes["Arn"]), attributes

    def adapted_delete(physical_id: str, properties: JsonObject) -> None:
        delete(_secret_name(physical_id), properties)

    return {**entry, "create": adapted_create, "update": adapted_update, "delete": adapted_delete}


def _secret_name(arn: str) -> str:
    # ARN:...:secret:NAME-XXXXXX
    return arn.rpartition(":secret:")[2][:-7]


def _functions(entry: Entry) -> tuple[Callable[..., Created], Callable[..., Created]]:
    create, update = entry["create"], entry["update"]
    assert callable(create)
    assert callable(update)
    return create, update
