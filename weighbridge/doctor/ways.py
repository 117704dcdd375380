"""Is the chosen way out of the VPC there: gateway, prefix lists, endpoints, and authorities that are not about to expire?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from cryptography import x509

from weighbridge.aws_endpoints import services_of
from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, ok, problem, warning
from weighbridge.doctor.setup import Setup
from weighbridge.settings import CreatedNetwork, ExistingNetwork

_NOTICE = timedelta(days=30)


def gateway(setup: Setup) -> Iterator[Judgement]:
    """See that the transit gateway of the route is shared with this account, and available."""
    network = setup.settings.network
    wanted = network.route.transit_gateway_id if isinstance(network, CreatedNetwork) and network.route else None
    if wanted is None:
        yield ok("no transit gateway is used")
        return
    # Filtered: DescribeTransitGateways answers a foreign id with an error.
    answer = setup.aws().ec2.describe_transit_gateways(Filters=[{"Name": "transit-gateway-id", "Values": [wanted]}])
    states = [str(entry.get("State")) for entry in _entries(answer, "TransitGateways")]
    if states == ["available"]:
        yield ok(f"{wanted} is available")
    else:
        remedy = "ask its owner to share it with this account (AWS RAM), and accept the share"
        yield problem(f"{wanted} is {states[0] if states else 'not seen by this account'}", remedy=remedy)


def prefix_lists(setup: Setup) -> Iterator[Judgement]:
    """Compare network.create.gateway_prefix_lists with the region's lists of S3 and DynamoDB."""
    network, region = setup.settings.network, setup.settings.region
    names = [f"com.amazonaws.{region}.{service}" for service in ("s3", "dynamodb")]
    answer = setup.aws().ec2.describe_managed_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": names}])
    found = sorted(str(entry.get("PrefixListId")) for entry in _entries(answer, "PrefixLists"))
    given = sorted(network.gateway_prefix_lists) if isinstance(network, CreatedNetwork) else found
    if not given:
        yield ok(f"workloads are not limited to prefix lists; those of S3 and DynamoDB are {', '.join(found)}")
    elif given == found:
        yield ok("S3 and DynamoDB are reached by the region's prefix lists")
    else:
        remedy = f"give network.create.gateway_prefix_lists: [{', '.join(found)}]"
        yield problem(f"{', '.join(given)} are not the prefix lists of S3 and DynamoDB in {region}", remedy=remedy)


def endpoints(setup: Setup) -> Iterator[Judgement]:
    """Look in an existing VPC for endpoints of the services that the environment calls."""
    network, region = setup.settings.network, setup.settings.region
    if not isinstance(network, ExistingNetwork):
        yield ok("the network stack creates the endpoints")
        return
    answer = setup.aws().ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [network.vpc_id]}])
    there = {str(entry.get("ServiceName")) for entry in _entries(answer, "VpcEndpoints")}
    wanted = ("s3", "dynamodb", *services_of(setup.settings))
    missing = [name for name in wanted if f"com.amazonaws.{region}.{name}" not in there]
    if not missing:
        yield ok(f"{network.vpc_id} has endpoints of every service that is called")
        return
    remedy = "create them, or make sure that the subnets route to these services"
    yield warning(f"{network.vpc_id} has no endpoints of {', '.join(missing)}", remedy=remedy)


def authorities(setup: Setup) -> Iterator[Judgement]:
    """Read the certificates of egress.ca_bundle, and see that none expires soon."""
    path = setup.settings.egress.ca_bundle
    if path is None:
        yield ok("the public authorities alone are trusted")
        return
    remedy = "put the authority's new certificate into the file beside the old one, and deploy again"
    for certificate in x509.load_pem_x509_certificates(path.read_bytes()):
        name, left = certificate.subject.rfc4514_string(), certificate.not_valid_after_utc - setup.now
        if left <= timedelta():
            yield problem(f"the authority {name} has expired", remedy=remedy)
        elif left < _NOTICE:
            yield warning(f"the authority {name} expires in {left.days} days", remedy=remedy)
        else:
            yield ok(f"the authority {name} is valid for {left.days} days")


def _entries(answer: Mapping[str, object], key: str) -> Sequence[Mapping[str, object]]:
    value = answer.get(key)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


WAY_CHECKS = (
    Check("aws.gateway", "Is the transit gateway of the route there?", gateway),
    Check("aws.prefix-lists", "Are the prefix lists those of S3 and DynamoDB?", prefix_lists),
    Check("aws.endpoints", "Has an existing VPC endpoints of the services that are called?", endpoints),
)
AUTHORITY_CHECKS = (
    Check("registry.authorities", "Are the private certificate authorities valid for some days yet?", authorities),
)
