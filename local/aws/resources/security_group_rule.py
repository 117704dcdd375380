"""AWS::EC2::SecurityGroupIngress and AWS::EC2::SecurityGroupEgress, which MiniStack knows as an API alone. Nothing flows."""

from __future__ import annotations

import secrets

from local.aws.handler import JsonObject

# Everything but the description, says the resources' reference.
_CREATE_ONLY = (
    "CidrIp",
    "CidrIpv6",
    "DestinationPrefixListId",
    "DestinationSecurityGroupId",
    "FromPort",
    "GroupId",
    "IpProtocol",
    "SourcePrefixListId",
    "SourceSecurityGroupId",
    "ToPort",
)


class SecurityGroupRuleHandler:
    """A rule of a group as a resource of its own: `kind` is Ingress or Egress. Ref is the rule's id."""

    create_only = _CREATE_ONLY
    blocks = False

    def __init__(self, kind: str) -> None:
        self.resource_type = f"AWS::EC2::SecurityGroup{kind}"
        self._table = "IpPermissions" if kind == "Ingress" else "IpPermissionsEgress"
        self._rules: dict[str, tuple[str, object]] = {}

    def create(self, _logical_id: str, properties: JsonObject) -> tuple[str, JsonObject]:
        """Add the rule to its group."""
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

        group = str(properties["GroupId"])
        if group not in ec2._security_groups:
            raise ValueError(f"The security group '{group}' does not exist")
        (permission,) = provisioners._ec2_sg_permissions([properties])
        ec2._security_groups[group][self._table].append(permission)
        identifier = f"sgr-{secrets.token_hex(8)}"
        self._rules[identifier] = group, permission
        return identifier, {"Id": identifier}

    def update(self, physical_id: str, _old: JsonObject, _new: JsonObject) -> tuple[str, JsonObject]:
        """The description alone can change, and nobody reads it here."""
        return physical_id, {"Id": physical_id}

    def delete(self, physical_id: str, _properties: JsonObject) -> None:
        """Take the rule out of its group."""
        from ministack.services import ec2

        group, permission = self._rules.pop(physical_id, ("", None))
        if group in ec2._security_groups:
            rules = ec2._security_groups[group][self._table]
            rules[:] = [each for each in rules if each is not permission]
