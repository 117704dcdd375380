"""Which of AWS's services an environment calls from within its VPC, what their endpoints are named, and what these cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from weighbridge.settings import CreatedNetwork, EnvironmentSettings, IamSettings
from weighbridge.settings.watched import watched_keys

HOURS_A_MONTH = 730
# US dollars for an hour of one interface endpoint in one zone, us-east-1: https://aws.amazon.com/privatelink/pricing/
HOURLY = 0.01
_BY_CALLERS = ("sts", "sagemaker.runtime", "logs", "monitoring")

SERVICES: Mapping[str, str] = MappingProxyType({
    "secretsmanager": "the registry tokens of functions, serving containers and training jobs",
    "kms": "signatures of registrar, inspector, keeper, approver and sealer",
    "sagemaker.api": "what the registrar and the reconciler read of jobs and endpoints",
    "ssm": "the release ids that the registrar moves",
    "sns": "the registrar's notices",
    "events": "the reconciler's findings, and what the ledger is told",
    "securityhub": "the reconciler's findings, where the settings ask for it",
    "cloudtrail": "signatures that AWS counted, which the auditor compares with the ledger",
    "sts": "who approves; code of your own in the VPC that asks who it is",
    "sagemaker.runtime": "callers of endpoints in the VPC",
    "logs": "load receipts that the auditor reads; code of your own in the VPC that writes logs",
    "monitoring": "code of your own in the VPC that writes metrics",
})  # fmt: skip
"""Interface endpoints by the name of their service (`com.amazonaws.REGION.NAME`), and who needs them."""

FUNCTIONS_ALONE = frozenset({"cloudtrail", "events", "securityhub", "sns", "ssm"})
"""Those that weighbridge's functions call, and no container does."""


def services_of(settings: EnvironmentSettings) -> tuple[str, ...]:
    """Return the names of the services that the environment's VPC needs interface endpoints for, in order of SERVICES.

    S3 and DynamoDB have gateway endpoints, which cost nothing. The profile `lean` leaves those out that weighbridge itself
    does not call.
    """
    reconciler = settings.guard.reconciler
    training, keeper = settings.training is not None, settings.trust is not None and settings.trust.keeper is not None
    approvals = settings.trust is not None and settings.trust.approvals is not None
    sealer = settings.trust.keys.sealer if settings.trust is not None else None
    ledger = sealer is not None and sealer.startswith("awskms:")
    needed = {
        "secretsmanager": not isinstance(settings.registry.credentials, IamSettings) or training or keeper or approvals,
        "kms": training or keeper or approvals or ledger,
        "sagemaker.api": training or reconciler.enabled,
        "ssm": training,
        "sns": training,
        "events": reconciler.enabled or ledger,
        "securityhub": reconciler.enabled and reconciler.security_hub,
        "cloudtrail": ledger and bool(watched_keys(settings)),
    }
    if approvals:
        needed["sts"] = True
    if ledger:
        needed["logs"] = True
    lean = isinstance(settings.network, CreatedNetwork) and settings.network.profile == "lean"
    return tuple(name for name in SERVICES if needed.get(name, name in _BY_CALLERS and not lean))


def host_names(services: Sequence[str], *, region: str) -> tuple[str, ...]:
    """Return the hosts that clients of the services, of S3 and of DynamoDB ask in `region`, subdomains included."""
    found = [f"s3.{region}.amazonaws.com", f"dynamodb.{region}.amazonaws.com", f"ddb.{region}.amazonaws.com"]
    for name in services:
        # sagemaker.api and sagemaker.runtime are api.sagemaker and runtime.sagemaker in DNS.
        found.append(f"{'.'.join(reversed(name.split('.')))}.{region}.amazonaws.com")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class EndpointCost:
    """Interface endpoints of one environment: `services` of AWS, and perhaps the registry's, each in some zones.

    `hourly` is the price of one endpoint in one zone in US dollars. Bytes (about 0.01 dollars a GB) come on top.
    """

    services: tuple[str, ...]
    zones: int
    registry_zones: int
    hourly: float = HOURLY

    @property
    def endpoint_zones(self) -> int:
        """How many network interfaces are paid for."""
        return len(self.services) * self.zones + self.registry_zones

    @property
    def monthly(self) -> float:
        """US dollars for 730 hours, rounded to cents."""
        return round(self.endpoint_zones * self.hourly * HOURS_A_MONTH, 2)


def cost_of(settings: EnvironmentSettings, *, hourly: float = HOURLY) -> EndpointCost | None:
    """Return what the endpoints of a created VPC cost, None for a VPC that exists.

    Args:
        settings: the environment.
        hourly: price of one endpoint in one zone of the region, in US dollars; it differs between regions.
    """
    network = settings.network
    if not isinstance(network, CreatedNetwork):
        return None
    zones = len(network.availability_zones)
    return EndpointCost(
        services=services_of(settings),
        zones=1 if network.profile == "lean" else zones,
        registry_zones=0 if network.registry_service is None else zones,
        hourly=hourly,
    )
