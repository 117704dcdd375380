"""The governance account: keys of environments that lie in other accounts, and copies of their ledgers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs import Construct
from stacks.retention import log_retention
from weighbridge.ledger.events.sinks import DETAIL_TYPE, SOURCE
from weighbridge.settings import EnvironmentSettings, GovernanceSettings
from weighbridge.settings.governance import ALIAS_ARN, own_keys
from weighbridge.settings.loading import GOVERNANCE
from weighbridge.settings.roles import signing_roles
from weighbridge_cdk import EventLedger, LedgerSealer, SharedKey
from weighbridge_cdk.naming import resource_name, slug


class GovernanceAccountStage(cdk.Stage):
    """For each environment that names a governance account: its keys in its own region there, and the copy of its ledger.

    Deployed before the environments, whose functions sign with these keys. Stack names are `weighbridge-governance-keys-ENV`
    and `weighbridge-governance-ledger-ENV`.
    """

    def __init__(self, scope: Construct, *, environments: Sequence[EnvironmentSettings]) -> None:
        """Create the stacks.

        Args:
            environments: all environments; those without a governance account read public keys alone.
        """
        super().__init__(scope, f"weighbridge-{GOVERNANCE}")
        accounts = sorted({settings.account for settings in environments})
        for settings in environments:
            if settings.governance is not None:
                KeysStack(self, settings=settings, governance=settings.governance, reader_accounts=accounts)
                LedgerCopyStack(self, settings=settings, governance=settings.governance)


class KeysStack(cdk.Stack):
    """The environment's signing keys, each with its alias and the roles that may sign with it."""

    def __init__(
        self,
        scope: Construct,
        *,
        settings: EnvironmentSettings,
        governance: GovernanceSettings,
        reader_accounts: Sequence[str],
    ) -> None:
        super().__init__(
            scope,
            f"keys-{slug(settings.environment)}",
            env=cdk.Environment(account=governance.account, region=settings.region),
            description=f"weighbridge {settings.environment}: keys, held for it by the governance account",
        )
        for alias, key in sorted(_held_keys(self, settings, governance).items()):
            SharedKey(
                self,
                alias.removeprefix("alias/"),
                alias=alias,
                description=f"{settings.environment}: {', '.join(key.jobs)}",
                signers=key.signers,
                reader_accounts=reader_accounts,
            )
        cdk.Tags.of(self).add("weighbridge:environment", settings.environment)


class LedgerCopyStack(cdk.Stack):
    """A ledger of its own that is told what the environment's ledger is told, sealed with a key of this account."""

    def __init__(self, scope: Construct, *, settings: EnvironmentSettings, governance: GovernanceSettings) -> None:
        super().__init__(
            scope,
            f"ledger-{slug(settings.environment)}",
            env=cdk.Environment(account=governance.account, region=governance.region),
            description=f"weighbridge {settings.environment}: copy of the ledger in the governance account",
        )
        environment, retention = settings.environment, log_retention(settings)
        self.ledger = EventLedger(self, "Ledger", environment_name=environment, log_retention=retention)
        self._let_in(settings)
        sealer = LedgerSealer(self, "Sealer", environment_name=environment, ledger=self.ledger, log_retention=retention)
        if governance.readers and governance.external_id is not None:
            self._add_reader(settings, readers=governance.readers, external_id=governance.external_id)
        outputs = {
            "EventsTable": (self.ledger.table.table_name, "The copy, for trust.events of who reads it"),
            "SealsBucket": (self.ledger.seals.bucket_name, "Its seals, for trust.seals"),
            "SealerKey": (sealer.signer_uri, "The key that seals it, for trust.keys.sealer"),
        }
        for name, (value, description) in outputs.items():
            cdk.CfnOutput(self, name, value=value, description=description)
        cdk.Tags.of(self).add("weighbridge:environment", environment)

    def _let_in(self, settings: EnvironmentSettings) -> None:
        forwarding = _role_arn(self, settings, forwarding_role(settings))
        self.ledger.bus.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TheEnvironmentTells",
                principals=[iam.AccountPrincipal(settings.account)],
                actions=["events:PutEvents"],
                resources=[self.ledger.bus.event_bus_arn],
                conditions={
                    "ArnEquals": {"aws:PrincipalArn": forwarding},
                    "StringEquals": {"events:source": SOURCE, "events:detail-type": DETAIL_TYPE},
                },
            )
        )

    def _add_reader(self, settings: EnvironmentSettings, *, readers: Sequence[str], external_id: str) -> None:
        accounts = sorted({arn.split(":")[4] for arn in readers})
        principals: list[iam.IPrincipal] = [
            iam.AccountPrincipal(account).with_conditions(
                {"ArnEquals": {"aws:PrincipalArn": list(readers)}, "StringEquals": {"sts:ExternalId": external_id}}
            )
            for account in accounts
        ]
        role = iam.Role(
            self,
            "Reader",
            role_name=resource_name("weighbridge", settings.environment, "ledger-reader"),
            assumed_by=iam.CompositePrincipal(*principals),
            description="Reads the copy of the ledger and its seals",
        )
        self.ledger.grant_read(role)
        cdk.CfnOutput(self, "ReaderRole", value=role.role_arn, description="Assume it with the external id")


def forwarding_role(settings: EnvironmentSettings) -> str:
    """Return the name of the role that sends the environment's events to the copy."""
    return resource_name("weighbridge", settings.environment, "ledger-copies")


def copy_bus_arn(scope: cdk.Stack, *, settings: EnvironmentSettings, governance: GovernanceSettings) -> str:
    """Return the ARN of the bus before the copy of the environment's ledger."""
    return scope.format_arn(
        service="events",
        region=governance.region,
        account=governance.account,
        resource="event-bus",
        resource_name=resource_name("weighbridge", settings.environment, "ledger"),
    )


@dataclass(frozen=True, slots=True)
class _HeldKey:
    jobs: tuple[str, ...]
    signers: tuple[str, ...]


def _held_keys(scope: cdk.Stack, settings: EnvironmentSettings, governance: GovernanceSettings) -> dict[str, _HeldKey]:
    """Return what each alias of the environment is for, and who signs with it."""
    assert settings.trust is not None
    found: dict[str, _HeldKey] = {}
    for job, uri in own_keys(settings.trust.keys, registers=settings.training is not None).items():
        match = ALIAS_ARN.fullmatch(uri)
        if match is not None:
            before = found.get(match[3], _HeldKey(jobs=(), signers=()))
            signers = dict.fromkeys((*before.signers, *_signers(scope, job, settings=settings, governance=governance)))
            found[match[3]] = _HeldKey(jobs=(*before.jobs, job), signers=tuple(signers))
    return found


def _signers(
    scope: cdk.Stack, job: str, *, settings: EnvironmentSettings, governance: GovernanceSettings
) -> Iterator[str]:
    role, place = job.partition("[")[::2]
    functions = {
        "approver": ["approvals"],
        "inspector": ["inspector"],
        "registrar": ["registrar"],
        "sealer": ["auditor"],
        "snapshot": ["keeper", "registrar"],
        "timestamp": ["keeper", "registrar"],
        "promoters": ["registrar"] if place == "0]" else [],
    }
    people = {
        "targets": governance.owners,
        "promoters": governance.promoters,
        "revocations": governance.security,
        "exceptions": governance.security,
        "image_builder": governance.builders,
        # Whoever signs a role of the channel signs snapshot and timestamp after it.
        "snapshot": (*governance.owners, *governance.promoters, *governance.security),
        "timestamp": (*governance.owners, *governance.promoters, *governance.security),
    }
    names = signing_roles(settings)
    for part in functions.get(role, []):
        if part != "registrar" or settings.training is not None:
            yield _role_arn(scope, settings, names[part])
    if role == "breakglass":
        yield governance.breakglass[int(place.removesuffix("]"))]
    yield from people.get(role, ())


def _role_arn(scope: cdk.Stack, settings: EnvironmentSettings, name: str) -> str:
    return scope.format_arn(service="iam", region="", account=settings.account, resource="role", resource_name=name)
