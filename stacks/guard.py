"""The guard of an environment: the hook before something is created, and the reconciler of what runs."""

from __future__ import annotations

from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs import Construct
from stacks.access import name_roles
from stacks.alarms import notify
from stacks.retention import log_retention
from weighbridge.settings import EnvironmentSettings, ReconcilerSettings
from weighbridge_cdk import (
    AdmissionHook,
    ArtifactoryConnection,
    ChannelPin,
    NetworkPlacement,
    Reconciler,
    ResolutionRecords,
    SourceRecords,
)

_FAILURE_MODES: dict[str, Literal["WARN", "FAIL"]] = {"warn": "WARN", "fail": "FAIL"}


class GuardStack(cdk.Stack):
    """What the settings' section `guard` asks for. It guards everything in account and region, this app's stacks or not.

    Offers `reconciler`, None where it is not enabled.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: EnvironmentSettings,
        placement: NetworkPlacement,
        connection: ArtifactoryConnection,
        records: ResolutionRecords,
    ) -> None:
        super().__init__(scope, construct_id, description=f"weighbridge {settings.environment}: guard")
        self._settings = settings
        self._channel = ChannelPin(name=settings.channel.name, root_digest=settings.channel.root_digest)
        self._records = records
        alarms: list[cloudwatch.Alarm] = []
        if settings.guard.admission != "off":
            alarms += self._add_hook(_FAILURE_MODES[settings.guard.admission]).alarms
        self.reconciler: Reconciler | None = None
        if settings.guard.reconciler.enabled:
            self.reconciler = self._add_reconciler(settings.guard.reconciler, placement, connection)
            alarms += self.reconciler.alarms
        notify(self, settings=settings, alarms=alarms)

    def _add_hook(self, failure_mode: Literal["WARN", "FAIL"]) -> AdmissionHook:
        hook = AdmissionHook(
            self,
            "Admission",
            environment_name=self._settings.environment,
            channel=self._channel,
            registry_url=self._settings.registry.url,
            records=self._records,
            failure_mode=failure_mode,
            except_stacks=self._settings.guard.except_stacks,
            log_retention=log_retention(self._settings),
        )
        cdk.CfnOutput(
            self,
            "AdmissionFunction",
            value=hook.judge.function.function_name,
            description="Answers CloudFormation's hook",
        )
        return hook

    def _add_reconciler(
        self, reconciler: ReconcilerSettings, placement: NetworkPlacement, connection: ArtifactoryConnection
    ) -> Reconciler:
        found = Reconciler(
            self,
            "Reconciler",
            environment_name=self._settings.environment,
            connection=connection,
            channel=self._channel,
            records=self._records,
            every=cdk.Duration.minutes(reconciler.minutes),
            behind=cdk.Duration.days(reconciler.behind_days),
            security_hub=reconciler.security_hub,
            except_endpoints=reconciler.except_endpoints,
            models=[model.name for model in self._settings.models],
            source=self._source(reconciler),
            placement=placement,
            log_retention=log_retention(self._settings),
        )
        name_roles(self._settings, {"reconciler": found.function.role})
        cdk.CfnOutput(
            self, "ReconcilerFunction", value=found.function.function.function_name, description="Compares what runs"
        )
        cdk.CfnOutput(self, "FindingsTable", value=found.findings.table_name, description="What it found")
        return found

    def _source(self, reconciler: ReconcilerSettings) -> SourceRecords | None:
        name, queue = self._settings.channel.promote_from, reconciler.queue
        if name is None or queue is None:
            return None
        return SourceRecords(
            channel=ChannelPin(name=name, root_digest=queue.root_digest), records_repository=queue.records_repository
        )
