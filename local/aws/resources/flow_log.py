"""AWS::EC2::FlowLog, which MiniStack knows as an API alone. Nothing flows, so nothing is logged."""

from __future__ import annotations

import re

from local.aws.handler import JsonObject


class FlowLogHandler:
    """CloudFormation's handler on MiniStack's CreateFlowLogs and DeleteFlowLogs."""

    resource_type = "AWS::EC2::FlowLog"
    # Everything but the tags, says the resource's reference.
    create_only = (
        "DeliverLogsPermissionArn",
        "LogDestination",
        "LogDestinationType",
        "LogFormat",
        "LogGroupName",
        "MaxAggregationInterval",
        "ResourceId",
        "ResourceType",
        "TrafficType",
    )
    blocks = False

    def create(self, _logical_id: str, properties: JsonObject) -> tuple[str, JsonObject]:
        """Create the flow log of one resource."""
        from ministack.services import ec2

        names = ("ResourceType", "TrafficType", "LogDestinationType", "LogDestination", "LogGroupName")
        parameters = {name: [str(properties[name])] for name in names if name in properties}
        _, _, body = ec2._create_flow_logs({**parameters, "ResourceId.1": [str(properties["ResourceId"])]})
        found = re.search(rb"<item>(fl-[0-9a-f]+)</item>", body)
        if found is None:
            raise ValueError(f"CreateFlowLogs answered {body[:200]!r}")
        identifier = found[1].decode()
        return identifier, {"Id": identifier}

    def update(self, physical_id: str, _old: JsonObject, _new: JsonObject) -> tuple[str, JsonObject]:
        """Tags alone can change, and the emulator shows none on flow logs."""
        return physical_id, {"Id": physical_id}

    def delete(self, physical_id: str, _properties: JsonObject) -> None:
        """Delete it."""
        from ministack.services import ec2

        ec2._delete_flow_logs({"FlowLogId.1": [physical_id]})
