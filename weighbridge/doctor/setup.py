"""What the checks look at: the settings, the registry as each identity sees it, AWS, and the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypedDict

from weighbridge.doctor.findings import NotCheckedError
from weighbridge.doctor.probe import Probe
from weighbridge.registry.credentials import SecretValue
from weighbridge.settings import EnvironmentSettings
from weighbridge.trust.stores import RegistryReader

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

Identity = Literal["reader", "scientist", "registrar", "promoter", "administrator"]
IDENTITIES: tuple[Identity, ...] = ("reader", "scientist", "registrar", "promoter", "administrator")
DEFAULT_HUB_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def token_variable(identity: Identity) -> str:
    """Return the name of the variable that holds the identity's token for a doctor's visit."""
    return f"WEIGHBRIDGE_TOKEN_{identity.upper()}"


class Quota(TypedDict, total=False):
    """The part of a service quota that is read here."""

    QuotaName: str
    Value: float


class QuotaPage(TypedDict, total=False):
    """One page of Service Quotas' ListServiceQuotas and ListAWSDefaultServiceQuotas."""

    Quotas: list[Quota]
    NextToken: str


class QuotasClient(Protocol):
    """The calls of boto3's Service Quotas client that are needed (its stubs are not installed)."""

    def list_service_quotas(self, *, ServiceCode: str, NextToken: str = ...) -> QuotaPage:  # noqa: N803
        """See the AWS API reference, ListServiceQuotas."""
        ...

    def list_aws_default_service_quotas(self, *, ServiceCode: str, NextToken: str = ...) -> QuotaPage:  # noqa: N803
        """See the AWS API reference, ListAWSDefaultServiceQuotas."""
        ...


class SecretDescription(TypedDict, total=False):
    """The part of Secrets Manager's DescribeSecret answer that is read here."""

    RotationEnabled: bool
    LastRotatedDate: datetime


class SecretsReader(Protocol):
    """The calls of boto3's Secrets Manager client that are needed."""

    def get_secret_value(self, *, SecretId: str) -> SecretValue:  # noqa: N803
        """See the AWS API reference, GetSecretValue."""
        ...

    def describe_secret(self, *, SecretId: str) -> SecretDescription:  # noqa: N803
        """See the AWS API reference, DescribeSecret."""
        ...


class Ec2Client(Protocol):
    """The calls of boto3's EC2 client that are needed (its stubs are not installed)."""

    def describe_availability_zones(self, **request: object) -> Mapping[str, object]:
        """See the AWS API reference, DescribeAvailabilityZones."""
        ...

    def describe_instance_type_offerings(self, **request: object) -> Mapping[str, object]:
        """See the AWS API reference, DescribeInstanceTypeOfferings."""
        ...

    def describe_subnets(self, **request: object) -> Mapping[str, object]:
        """See the AWS API reference, DescribeSubnets."""
        ...

    def describe_managed_prefix_lists(self, **request: object) -> Mapping[str, object]:
        """See the AWS API reference, DescribeManagedPrefixLists."""
        ...

    def describe_transit_gateways(self, **request: object) -> Mapping[str, object]:
        """See the AWS API reference, DescribeTransitGateways."""
        ...

    def describe_vpc_endpoints(self, **request: object) -> Mapping[str, object]:
        """See the AWS API reference, DescribeVpcEndpoints."""
        ...

    def describe_vpc_endpoint_services(self, **request: object) -> Mapping[str, object]:
        """See the AWS API reference, DescribeVpcEndpointServices."""
        ...


@dataclass(frozen=True, slots=True)
class Cloud:
    """AWS clients of the environment's account and region."""

    sts: STSClient
    kms: KMSClient
    secrets: SecretsReader
    ssm: SSMClient
    functions: LambdaClient
    quotas: QuotasClient
    ec2: Ec2Client


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """The registry as each identity sees it.

    `probes` holds the identities whose token is known; `client` reads whole files as the reader, None without its token.
    """

    anonymous: Probe
    probes: Mapping[Identity, Probe]
    client: RegistryReader | None

    def probe(self, *identities: Identity) -> Probe:
        """Return the probe of the first of these identities whose token is known.

        Raises:
            NotCheckedError: when none is.
        """
        for identity in identities:
            if identity in self.probes:
                return self.probes[identity]
        variables = " or ".join(token_variable(identity) for identity in identities)
        raise NotCheckedError(
            f"no token of the identity {' or '.join(identities)}", remedy=f"export {variables} and run again"
        )


@dataclass(frozen=True, slots=True)
class Setup:
    """One environment's set-up. `cloud` is None when AWS is not to be asked.

    `may_write` allows the probes that leave one small file in a writer's repository; `hub_model` is the model of the hub
    that the proxy is asked for.
    """

    settings: EnvironmentSettings
    registry: RegistryAccess
    cloud: Cloud | None
    now: datetime
    may_write: bool = True
    hub_model: str = DEFAULT_HUB_MODEL

    def aws(self) -> Cloud:
        """Return the AWS clients.

        Raises:
            NotCheckedError: when there are none.
        """
        if self.cloud is None:
            raise NotCheckedError("AWS was not asked", remedy="run without --no-aws, with credentials of the account")
        return self.cloud
