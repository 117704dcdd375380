"""Hand every event of an environment's ledger to a ledger in another account too."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam

from constructs import Construct
from weighbridge.ledger.events.sinks import DETAIL_TYPE, SOURCE
from weighbridge_cdk.alarms import alarm_from_one
from weighbridge_cdk.event_ledger import EventLedger
from weighbridge_cdk.retained import dead_letter_queue


class LedgerForwarding(Construct):
    """A rule on the ledger's bus that sends what is told there to another bus; `alarms` ring when an event got lost.

    EventBridge repeats for a day, then the event lies in a queue. The rule's role has a name, so that the other bus can let
    it alone in before it exists.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, ledger: EventLedger, bus_arn: str, role_name: str
    ) -> None:
        """Create the rule.

        Args:
            ledger: the environment's.
            bus_arn: of the bus before the other ledger, in any account and region.
            role_name: of the rule's role.
        """
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            role_name=role_name,
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
            ),
            description="Sends events of the ledger to its copy",
        )
        self.lost_events = dead_letter_queue(self, "LostEvents")
        self.rule = events.Rule(
            self,
            "Rule",
            event_bus=ledger.bus,
            description="Sends events of the ledger to its copy",
            event_pattern=events.EventPattern(source=[SOURCE], detail_type=[DETAIL_TYPE]),
            targets=[
                targets.EventBus(
                    events.EventBus.from_event_bus_arn(self, "Copy", bus_arn),
                    role=self.role,
                    dead_letter_queue=self.lost_events,
                )
            ],
        )
        self.alarms = (
            alarm_from_one(
                self,
                "Alarm",
                metric=self.lost_events.metric_approximate_number_of_messages_visible(
                    period=cdk.Duration.minutes(15), statistic="Maximum"
                ),
                description="Events did not reach the ledger's copy: look at the bus there, then put them again",
            ),
        )
