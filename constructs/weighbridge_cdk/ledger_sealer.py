"""Seal a ledger on a schedule with a key of its own: for the copy of a ledger, which no auditor seals."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from constructs import Construct
from weighbridge.names import check_name
from weighbridge_cdk.alarms import alarm_of_failures, alarm_of_silence
from weighbridge_cdk.event_ledger import EventLedger
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.signing_keys import KMS, grant_signing, signing_key


class LedgerSealer(Construct):
    """A key, a function that verifies and seals every 15 minutes, and `alarms`: it failed, or it did not run."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment_name: str,
        ledger: EventLedger,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the sealer.

        Args:
            environment_name: name of the environment whose ledger it is; seals bear it.
            ledger: what is sealed.
            placement: the VPC to run in; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.
        """
        super().__init__(scope, construct_id)
        check_name(environment_name, field="environment_name")
        self.key = signing_key(self, description=f"Seals a ledger of {environment_name}")
        self.signer_uri = f"{KMS}{self.key.key_arn}"
        self.function = LibraryFunction(
            self,
            "Function",
            handler="ledger_sealer",
            description=f"Seals a ledger of {environment_name}",
            timeout=cdk.Duration.minutes(5),
            environment={
                "WEIGHBRIDGE_ENVIRONMENT": environment_name,
                "WEIGHBRIDGE_EVENTS_TABLE": ledger.table.table_name,
                "WEIGHBRIDGE_SEALS_BUCKET": ledger.seals.bucket_name,
                "WEIGHBRIDGE_SEALER_KEY": self.signer_uri,
            },
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        ledger.grant_read(self.function.role)
        ledger.grant_seal(self.function.role)
        grant_signing(self, "Sealing", uris=(self.signer_uri,), role=self.function.role)
        self.rule = events.Rule(
            self,
            "Schedule",
            description=f"Seals a ledger of {environment_name}",
            schedule=events.Schedule.rate(cdk.Duration.minutes(15)),
            targets=[targets.LambdaFunction(self.function.function)],
        )
        self.alarms = (
            alarm_of_failures(
                self,
                function=self.function.function,
                description=f"A ledger of {environment_name} was not sealed: the function's log says why",
            ),
            alarm_of_silence(
                self,
                metric=self.function.function.metric_invocations(period=cdk.Duration.hours(1), statistic="Sum"),
                description=f"Nobody sealed a ledger of {environment_name} for an hour: look at the schedule",
            ),
        )
