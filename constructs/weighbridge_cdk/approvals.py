"""Approvals: one function, the only holder of the approver's key, that signs in the name of whoever STS says has asked."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm

from constructs import Construct
from weighbridge.approvals import approvals_parameter
from weighbridge.errors import InputError
from weighbridge_cdk.artifactory_connection import ArtifactoryConnection
from weighbridge_cdk.event_ledger import grant_telling
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.signing_keys import KMS, grant_signing, signing_key

FUNCTION_TIMEOUT = cdk.Duration.minutes(1)


class Approvals(Construct):
    """A function, its key, and the SSM parameter `/weighbridge/ENVIRONMENT/approvals` that holds the function's name.

    The function is invoked with an order and a signed `sts:GetCallerIdentity` (weighbridge.approvals): the right to invoke it
    alone makes nobody an approver. It claims a row in `sequences` before it signs. Its registry token may write
    `*/releases/*/statements/approver.*` of the channel's records (docs/architecture.md).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: str,
        connection: ArtifactoryConnection,
        channel: str,
        approvers: Sequence[str],
        days: int,
        sequences: dynamodb.ITable,
        sequences_key: kms.IKey | None = None,
        signer_uri: str | None = None,
        key_alias: str | None = None,
        events_bus: events.IEventBus | None = None,
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the function.

        Args:
            environment: name of the environment.
            connection: the registry, with the token of the approver's own identity.
            channel: the channel that is approved for.
            approvers: ARNs of the IAM users and roles that may approve.
            days: how long an approval may hold.
            sequences: where rows are claimed, the one table of all who publish in the channel.
            sequences_key: the customer-managed key of that table, if it has one.
            signer_uri: the approver's key (`awskms:KEY`), which nobody else may sign with; default: a new one, whose policy
                sees to that.
            key_alias: `alias/NAME` of the new key, so that the channel's owner finds it; default: none.
            events_bus: the bus before the ledger of events; default: none.
            placement: the VPC to run in, from which STS and KMS are reached; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.

        Raises:
            InputError: when nobody may approve, or an alias is given for a key that exists.
        """
        super().__init__(scope, construct_id)
        if not approvers:
            raise InputError("Approvals: approvers: nobody may approve: give at least one user or role")
        if signer_uri is not None and key_alias is not None:
            raise InputError("Approvals: key_alias: is for a new key: leave out signer_uri")
        self._channel = channel
        key = None if signer_uri is not None else self._create_key(key_alias)
        self.signer_uri = signer_uri if key is None else f"{KMS}{key.key_arn}"
        self.approvals = LibraryFunction(
            self,
            "Function",
            handler="approvals",
            description=f"Signs approvals for {channel} in the name of who asks",
            timeout=FUNCTION_TIMEOUT,
            environment={
                **connection.environment(),
                "WEIGHBRIDGE_ENVIRONMENT": environment,
                "WEIGHBRIDGE_CHANNEL": channel,
                "WEIGHBRIDGE_APPROVER_KEY": self.signer_uri or "",
                "WEIGHBRIDGE_APPROVERS": " ".join(approvers),
                "WEIGHBRIDGE_APPROVAL_DAYS": str(days),
                "WEIGHBRIDGE_SEQUENCES_TABLE": sequences.table_name,
                **({} if events_bus is None else {"WEIGHBRIDGE_EVENTS_BUS": events_bus.event_bus_name}),
            },
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        connection.grant_read(self.approvals.role)
        grant_signing(self, "Signing", uris=(self.signer_uri or "",), role=self.approvals.role)
        if key is not None:
            self._keep_others_from(key)
        self._allow_rows(sequences, sequences_key)
        if events_bus is not None:
            grant_telling(events_bus, self.approvals.role)
        self.parameter = ssm.StringParameter(
            self,
            "Name",
            parameter_name=approvals_parameter(environment),
            string_value=self.approvals.function.function_name,
            description=f"The function that approves for {channel}",
        )

    @property
    def function(self) -> lambda_.Function:
        """The function, for who lets people invoke it."""
        return self.approvals.function

    def _create_key(self, alias: str | None) -> kms.Key:
        key = signing_key(self, description=f"Signs approvals for {self._channel}")
        if alias is not None:
            kms.Alias(self, "Alias", alias_name=alias, target_key=key)
        return key

    def _keep_others_from(self, key: kms.Key) -> None:
        # IAM may let others sign with any key; an explicit denial in the key's own policy is stronger than that.
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="NobodyElseSigns",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["kms:Sign"],
                resources=["*"],
                conditions={"ArnNotEquals": {"aws:PrincipalArn": self.approvals.role.role_arn}},
            )
        )

    def _allow_rows(self, sequences: dynamodb.ITable, key: kms.IKey | None) -> None:
        self.approvals.role.add_to_policy(
            iam.PolicyStatement(
                actions=["dynamodb:GetItem", "dynamodb:PutItem"],
                resources=[sequences.table_arn],
                conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{self._channel}!approvals/*"]}},
            )
        )
        if key is not None:
            self.approvals.allow("kms:Decrypt", "kms:DescribeKey", resources=[key.key_arn])
