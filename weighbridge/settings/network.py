"""Read the section `network`: a VPC that the network stack creates, with its way to the registry, or one that exists."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from weighbridge.settings.section import Section

Profile = Literal["full", "lean"]
PREFIX_LIST = r"pl-[0-9a-f]{8,17}"
SECURITY_GROUP = r"sg-[0-9a-f]{8,17}"
_VPC = r"vpc-[0-9a-f]{8,17}"
_MOST_ZONES = 8


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """A way from the created VPC into other networks: through a transit gateway, or by peering with one VPC.

    Only `cidrs` are routed. `peer_account`, `peer_region` and `peer_role_arn` (the role there that accepts) are None for a
    VPC of the same account and region. `registry_addresses` are what the registry's host resolves to within the VPC;
    `resolver_rule_id` is a Route 53 Resolver rule, shared with the account, for its domain. Without either, DNS that
    everybody sees has to know the host's private addresses.
    """

    cidrs: tuple[str, ...]
    transit_gateway_id: str | None = None
    peer_vpc_id: str | None = None
    peer_account: str | None = None
    peer_region: str | None = None
    peer_role_arn: str | None = None
    registry_addresses: tuple[str, ...] = ()
    resolver_rule_id: str | None = None


@dataclass(frozen=True, slots=True)
class CreatedNetwork:
    """A VPC that the network stack creates, without a way to the internet.

    `registry_service` is the PrivateLink endpoint service of the registry, `route` a way into other networks: by one of
    them the VPC reaches the registry or its proxy. With the profile `lean`, AWS's services have endpoints in the first
    zone alone, and fewer of them. Endpoints reach what belongs to the account, or with `organization_id` to the
    organisation. `gateway_prefix_lists` are the region's prefix lists of S3 and DynamoDB, which synth cannot look up.
    """

    cidr: str
    availability_zones: tuple[str, ...]
    registry_service: str | None
    route: RouteSettings | None = None
    profile: Profile = "full"
    organization_id: str | None = None
    gateway_prefix_lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExistingNetwork:
    """A VPC that exists, with routes to the registry and to AWS's services.

    `peers` are who may be spoken to on port 443 and the registry's: security groups, prefix lists, IPv4 ranges; empty: whoever the
    VPC's routes lead to.
    """

    vpc_id: str
    availability_zones: tuple[str, ...]
    subnet_ids: tuple[str, ...]
    peers: tuple[str, ...] = ()


def read_network(section: Section, *, region: str) -> CreatedNetwork | ExistingNetwork:
    """Return the section.

    Raises:
        SettingsError: naming the key, the problem and the fix.
    """
    section.allow("create", "existing")
    if section.has("create") == section.has("existing"):
        section.refuse("", "needs exactly one of 'create' and 'existing'", "keep one of the two")
    if section.has("create"):
        return _created(section.section("create"), region=region)
    return _existing(section.section("existing"), region=region)


def read_cidrs(section: Section, key: str, *, minimum: int = 0) -> tuple[str, ...]:
    """Return a list of IPv4 ranges.

    Raises:
        SettingsError: for one that is no range, has host bits set, or is everywhere (`/0` to `/7`).
    """
    found = section.texts(key, pattern=r"[0-9.]+/[0-9]+", form="an IPv4 range such as 10.20.0.0/16", minimum=minimum)
    for value in found:
        try:
            narrow = ipaddress.IPv4Network(value).prefixlen >= 8
        except ValueError as error:
            section.refuse(key, f"{value!r}: {error}", "give an IPv4 range such as 10.20.0.0/16")
        if not narrow:
            section.refuse(key, f"{value!r} is nearly everywhere", "give the ranges that are meant, /8 or narrower")
    return found


def _zones(section: Section, *, region: str, minimum: int) -> tuple[str, ...]:
    return section.texts(
        "availability_zones",
        minimum=minimum,
        pattern=re.escape(region) + "[a-z]",
        form=f"an availability zone of {region}, such as {region}a",
    )


def _existing(section: Section, *, region: str) -> ExistingNetwork:
    section.allow("vpc_id", "availability_zones", "subnet_ids", "peers")
    found = ExistingNetwork(
        vpc_id=section.text("vpc_id", pattern=_VPC, form="a VPC id"),
        availability_zones=_zones(section, region=region, minimum=1),
        subnet_ids=section.texts("subnet_ids", pattern=r"subnet-[0-9a-f]{8,17}", form="a subnet id", minimum=1),
        peers=section.texts(
            "peers",
            pattern=rf"{PREFIX_LIST}|{SECURITY_GROUP}|[0-9]{{1,3}}(\.[0-9]{{1,3}}){{3}}/[0-9]{{1,2}}",
            form="a security group (sg-...), a prefix list (pl-...) or an IPv4 range",
        ),
    )
    if len(found.subnet_ids) != len(found.availability_zones):
        section.refuse("subnet_ids", f"{len(found.subnet_ids)} subnets for {len(found.availability_zones)} zones",
                       "give one subnet for each availability zone, in the same order")  # fmt: skip
    ranges = [peer for peer in found.peers if "/" in peer]
    read_cidrs(Section(section.file, section.path, {"peers": ranges}), "peers")
    return found


def _created(section: Section, *, region: str) -> CreatedNetwork:
    section.allow(
        "cidr", "availability_zones", "registry_service", "route", "profile", "organization_id", "gateway_prefix_lists"
    )
    lean = section.choice("profile", among=("full", "lean")) == "lean"
    zones = _zones(section, region=region, minimum=1 if lean else 2)
    if len(zones) > _MOST_ZONES:
        section.refuse("availability_zones", f"{len(zones)} zones are too many", f"give 2 to {_MOST_ZONES}")
    cidr = _cidr(section)
    route = section.optional_section("route")
    found = CreatedNetwork(
        cidr=cidr,
        availability_zones=zones,
        registry_service=section.optional_text(
            "registry_service",
            pattern=r"com\.amazonaws\.vpce\.[a-z0-9-]+\.vpce-svc-[0-9a-f]+",
            form="a PrivateLink service",
        ),
        route=None if route is None else _route(route, vpc=ipaddress.IPv4Network(cidr)),
        profile="lean" if lean else "full",
        organization_id=section.optional_text(
            "organization_id", pattern=r"o-[a-z0-9]{10,32}", form="an organisation's id, o-..."
        ),
        gateway_prefix_lists=section.texts("gateway_prefix_lists", pattern=PREFIX_LIST, form="a prefix list, pl-..."),
    )
    _check_one_name(section, found)
    return found


def _check_one_name(section: Section, network: CreatedNetwork) -> None:
    if network.registry_service is None or network.route is None:
        return
    for key in ("registry_addresses", "resolver_rule_id"):
        if getattr(network.route, key):
            section.refuse(
                f"route.{key}",
                "the registry's host resolves to the endpoint of registry_service already",
                "keep one of the two",
            )


def _route(section: Section, *, vpc: ipaddress.IPv4Network) -> RouteSettings:
    section.allow(
        "cidrs", "transit_gateway_id", "peer_vpc_id", "peer_account", "peer_region", "peer_role_arn",
        "registry_addresses", "resolver_rule_id",
    )  # fmt: skip
    if section.has("transit_gateway_id") == section.has("peer_vpc_id"):
        section.refuse("", "needs exactly one of 'transit_gateway_id' and 'peer_vpc_id'", "keep one of the two")
    found = RouteSettings(
        cidrs=read_cidrs(section, "cidrs", minimum=1),
        transit_gateway_id=section.optional_text(
            "transit_gateway_id", pattern=r"tgw-[0-9a-f]{8,17}", form="a transit gateway's id, tgw-..."
        ),
        peer_vpc_id=section.optional_text("peer_vpc_id", pattern=_VPC, form="a VPC id"),
        peer_account=section.optional_text("peer_account", pattern=r"[0-9]{12}", form="an AWS account id"),
        peer_region=section.optional_text(
            "peer_region", pattern=r"[a-z]{2}(-[a-z]+)+-[1-9]", form="an AWS region such as eu-central-1"
        ),
        peer_role_arn=section.optional_text(
            "peer_role_arn", pattern=r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+", form="a role's ARN"
        ),
        registry_addresses=section.texts("registry_addresses", pattern=r"[0-9.]+", form="an IPv4 address"),
        resolver_rule_id=section.optional_text(
            "resolver_rule_id", pattern=r"rslvr-rr-[0-9a-f]{17}", form="a Resolver rule's id, rslvr-rr-..."
        ),
    )
    _check_route(section, found, vpc=vpc)
    return found


def _check_route(section: Section, route: RouteSettings, *, vpc: ipaddress.IPv4Network) -> None:
    def no(key: str, problem: str, fix: str) -> NoReturn:
        section.refuse(key, problem, fix)

    if route.transit_gateway_id is not None:
        for key in ("peer_account", "peer_region", "peer_role_arn"):
            if getattr(route, key) is not None:
                no(key, "belongs to peering, and a transit gateway is given", "remove it")
    if route.peer_account is not None and route.peer_role_arn is None:
        no("peer_role_arn", "is missing: nobody would accept the peering there", f"give a role of {route.peer_account}")
    ranges = [ipaddress.IPv4Network(cidr) for cidr in route.cidrs]
    for found in ranges:
        if found.overlaps(vpc):
            no("cidrs", f"{str(found)!r} overlaps the VPC's own {vpc}", "give ranges outside of it")
    if route.registry_addresses and route.resolver_rule_id:
        no("resolver_rule_id", "there are registry_addresses already", "keep one of the two")
    for text in route.registry_addresses:
        try:
            address = ipaddress.IPv4Address(text)
        except ValueError:
            no("registry_addresses", f"{text!r} is not an IPv4 address", "give the registry's private addresses")
        if not any(address in found for found in ranges):
            no("registry_addresses", f"{text!r} lies in none of cidrs", "route its range too")


def _cidr(section: Section) -> str:
    value = section.text("cidr", pattern=r"[0-9.]+/[0-9]+", form="an IPv4 range such as 10.20.0.0/16")
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        section.refuse("cidr", f"{value!r}: {error}", "give an IPv4 range such as 10.20.0.0/16")
    if not 16 <= network.prefixlen <= 24 or not network.is_private:
        section.refuse("cidr", f"{value!r} is not a private range of /16 to /24", "give one such as 10.20.0.0/16")
    return value
