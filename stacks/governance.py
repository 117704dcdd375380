"""What the environment remembers (accepted releases, trusted metadata, allotted sequence numbers), and the channel's keeper."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb

from constructs import Construct
from stacks.access import connect, name_roles
from stacks.alarms import notify
from stacks.governance_account import copy_bus_arn, forwarding_role
from stacks.retention import log_retention
from weighbridge.settings import ApprovalsSettings, EnvironmentSettings, KeeperSettings, KeySettings, TrustSettings
from weighbridge.settings.watched import watched_keys
from weighbridge_cdk import (
    Approvals,
    ArtifactoryConnection,
    Auditor,
    ChannelKeeper,
    ChannelPin,
    EventLedger,
    LedgerForwarding,
    NetworkPlacement,
    ResolutionRecords,
)
from weighbridge_cdk.retained import retained_table
from weighbridge_cdk.signing_keys import KMS

# Where the policy asks for no approvals, those that are given hold a week.
MOST_DAYS = 7


class GovernanceStack(cdk.Stack):
    """Offers `records`, `sequences`, and `ledger` where there is a sealer's key in KMS, else None."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: EnvironmentSettings,
        placement: NetworkPlacement,
        connection: ArtifactoryConnection,
    ) -> None:
        super().__init__(scope, construct_id, description=f"weighbridge {settings.environment}: governance")
        self.records = ResolutionRecords(self, "Records")
        self.sequences = retained_table(
            self,
            "Sequences",
            partition_key="scope",
            sort_key=dynamodb.Attribute(name="sequence", type=dynamodb.AttributeType.NUMBER),
            encryption_key=self.records.encryption_key,
        )
        cdk.CfnOutput(
            self,
            "AcceptanceTable",
            value=self.records.acceptances.table_name,
            description="What this environment accepted",
        )
        cdk.CfnOutput(
            self,
            "SequencesTable",
            value=self.sequences.table_name,
            description="Where promotions get their sequence numbers",
        )
        if settings.trust is not None and settings.trust.keeper is not None:
            self._add_keeper(settings, keys=settings.trust.keys, keeper=settings.trust.keeper, placement=placement)

        self.ledger: EventLedger | None = None
        sealer = settings.trust.keys.sealer if settings.trust is not None else None
        if sealer is not None and sealer.startswith(KMS):
            self.ledger = self._add_ledger(settings, placement=placement)
            self._add_auditor(settings, self.ledger, sealer=sealer, placement=placement, connection=connection)
        if settings.trust is not None and settings.trust.approvals is not None:
            self._add_approvals(settings, trust=settings.trust, approvals=settings.trust.approvals, placement=placement)

    def _add_ledger(self, settings: EnvironmentSettings, *, placement: NetworkPlacement) -> EventLedger:
        found = EventLedger(
            self,
            "Ledger",
            environment_name=settings.environment,
            placement=placement,
            log_retention=log_retention(settings),
        )
        notify(self, settings=settings, alarms=found.alarms)
        if settings.governance is not None:
            forwarding = LedgerForwarding(
                self,
                "Copies",
                ledger=found,
                bus_arn=copy_bus_arn(self, settings=settings, governance=settings.governance),
                role_name=forwarding_role(settings),
            )
            notify(forwarding, settings=settings, alarms=forwarding.alarms)
        cdk.CfnOutput(self, "EventsTable", value=found.table.table_name, description="What happened, for trust.events")
        cdk.CfnOutput(self, "SealsBucket", value=found.seals.bucket_name, description="Seals, for trust.seals")
        return found

    def _add_auditor(
        self,
        settings: EnvironmentSettings,
        ledger: EventLedger,
        *,
        sealer: str,
        placement: NetworkPlacement,
        connection: ArtifactoryConnection,
    ) -> None:
        auditor = Auditor(
            self,
            "Auditor",
            environment_name=settings.environment,
            connection=connection,
            channel=ChannelPin(name=settings.channel.name, root_digest=settings.channel.root_digest),
            records=self.records,
            ledger=ledger,
            sealer_key=sealer,
            former_sealer_keys=() if settings.trust is None else settings.trust.keys.former_sealers,
            watched_keys=watched_keys(settings),
            placement=placement,
            log_retention=log_retention(settings),
        )
        name_roles(settings, {"auditor": auditor.function.role})
        notify(self, settings=settings, alarms=auditor.alarms)
        cdk.CfnOutput(
            self,
            "AuditorFunction",
            value=auditor.function.function.function_name,
            description="Seals the ledger and audits the channel",
        )

    def _add_keeper(
        self,
        settings: EnvironmentSettings,
        *,
        keys: KeySettings,
        keeper: KeeperSettings,
        placement: NetworkPlacement,
    ) -> None:
        records = settings.registry.records_repository
        connection = connect(
            self,
            "KeeperAccess",
            settings=settings,
            secret_name=keeper.secret,
            placement=placement,
            description=f"Artifactory token that may read {records} and write its folder tuf/",
        )
        channel = ChannelKeeper(
            self,
            "Keeper",
            connection=connection,
            channel=ChannelPin(name=settings.channel.name, root_digest=settings.channel.root_digest),
            snapshot_key=keys.snapshot,
            timestamp_key=keys.timestamp,
            sequences=self.sequences,
            sequences_key=self.records.encryption_key,
            every=cdk.Duration.hours(keeper.hours),
            placement=placement,
            log_retention=log_retention(settings),
        )
        name_roles(settings, {"keeper": channel.keeper.role})
        notify(self, settings=settings, alarms=channel.alarms)
        cdk.CfnOutput(
            self, "KeeperFunction", value=channel.keeper.function.function_name, description="Signs the channel anew"
        )

    def _add_approvals(
        self,
        settings: EnvironmentSettings,
        *,
        trust: TrustSettings,
        approvals: ApprovalsSettings,
        placement: NetworkPlacement,
    ) -> None:
        records = settings.registry.records_repository
        key, terms = trust.keys.approver, trust.policy.approvals
        connection = connect(
            self,
            "ApprovalsAccess",
            settings=settings,
            secret_name=approvals.secret,
            placement=placement,
            description=f"Artifactory token that may write */releases/*/statements/approver.* of {records}",
        )
        found = Approvals(
            self,
            "Approvals",
            environment=settings.environment,
            connection=connection,
            channel=settings.channel.name,
            approvers=approvals.approvers,
            days=MOST_DAYS if terms is None else terms.days,
            sequences=self.sequences,
            sequences_key=self.records.encryption_key,
            signer_uri=None if approvals.create_key else key,
            key_alias=key.removeprefix(KMS) if approvals.create_key and key is not None else None,
            events_bus=None if self.ledger is None else self.ledger.bus,
            placement=placement,
            log_retention=log_retention(settings),
        )
        name_roles(settings, {"approvals": found.approvals.role})
        cdk.CfnOutput(
            self,
            "ApprovalsFunction",
            value=found.function.function_name,
            description="Signs approvals; whoever approves may invoke it",
        )
