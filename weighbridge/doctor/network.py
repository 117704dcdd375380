"""Are zones, subnets, the registry's PrivateLink service and the instance type there?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from botocore.exceptions import ClientError

from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, ok, problem, warning
from weighbridge.doctor.setup import Setup
from weighbridge.settings import CreatedNetwork, ExistingNetwork


def zones(setup: Setup) -> Iterator[Judgement]:
    """Compare the settings' availability zones with the account's."""
    answer = setup.aws().ec2.describe_availability_zones()
    states = {str(zone.get("ZoneName")): str(zone.get("State")) for zone in _entries(answer, "AvailabilityZones")}
    for zone in setup.settings.network.availability_zones:
        if states.get(zone) == "available":
            yield ok(f"{zone} is available")
        else:
            remedy = f"use others: {', '.join(sorted(states))}"
            yield problem(f"{zone} is {states.get(zone, 'no zone of this account and region')}", remedy=remedy)


def subnets(setup: Setup) -> Iterator[Judgement]:
    """See that an existing network's subnets lie in its VPC and in the zones that the settings say."""
    network = setup.settings.network
    if not isinstance(network, ExistingNetwork):
        yield ok("the network stack creates the subnets")
        return
    wanted = dict(zip(network.subnet_ids, network.availability_zones, strict=True))
    try:
        answer = setup.aws().ec2.describe_subnets(SubnetIds=list(wanted))
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidSubnetID.NotFound":
            raise
        yield problem(str(error), remedy="correct network.existing.subnet_ids")
        return
    for subnet in _entries(answer, "Subnets"):
        key, found = str(subnet.get("SubnetId")), (str(subnet.get("VpcId")), str(subnet.get("AvailabilityZone")))
        if found == (network.vpc_id, wanted.get(key)):
            yield ok(f"{key} lies in {found[0]}, {found[1]}")
        else:
            remedy = "write vpc_id, subnet_ids and availability_zones as they belong together"
            yield problem(f"{key} lies in {found[0]}, {found[1]}", remedy=remedy)


def private_link(setup: Setup) -> Iterator[Judgement]:
    """See that the registry's endpoint service is offered to this account in the settings' zones."""
    network = setup.settings.network
    if not isinstance(network, CreatedNetwork) or network.registry_service is None:
        yield ok("no PrivateLink service is used")
        return
    name = network.registry_service
    remedy = "ask the registry's operator to allow this account, and to offer the service in these zones"
    try:
        answer = setup.aws().ec2.describe_vpc_endpoint_services(ServiceNames=[name])
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidServiceName":
            raise
        yield problem(f"{name} is not offered to this account", remedy=remedy)
        return
    offered = {
        str(zone) for detail in _entries(answer, "ServiceDetails") for zone in _list(detail.get("AvailabilityZones"))
    }
    missing = sorted(set(network.availability_zones) - offered)
    if missing:
        yield problem(f"{name} is not offered in {', '.join(missing)}", remedy=remedy)
    else:
        yield ok(f"{name} is offered in every zone of the network")


def offerings(setup: Setup) -> Iterator[Judgement]:
    """See where EC2 offers the machine behind each instance type: SageMaker itself does not tell."""
    own = set(setup.settings.network.availability_zones)
    for kind in sorted({model.endpoint.instance_type for model in setup.settings.models}):
        machine = kind.removeprefix("ml.")
        answer = setup.aws().ec2.describe_instance_type_offerings(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": [machine]}]
        )
        offered = {str(entry.get("Location")) for entry in _entries(answer, "InstanceTypeOfferings")}
        missing = sorted(own - offered)
        remedy = f"use other zones{' (' + ', '.join(sorted(offered)) + ')' if offered else ''} or another instance type"
        if not own & offered:
            yield problem(f"EC2 offers {machine} in none of the environment's zones", remedy=remedy)
        elif missing:
            yield warning(
                f"EC2 offers no {machine} in {', '.join(missing)}: instances crowd in the rest", remedy=remedy
            )
        else:
            yield ok(f"EC2 offers {machine} in every zone of the environment")


def _entries(answer: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    return [entry for entry in _list(answer.get(key)) if isinstance(entry, Mapping)]


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


NETWORK_CHECKS = (
    Check("aws.zones", "Are the environment's availability zones available?", zones),
    Check("aws.subnets", "Do the subnets lie in the VPC and zones of the settings?", subnets),
    Check("aws.private-link", "Is the registry's PrivateLink service offered to this account?", private_link),
    Check("aws.offerings", "Does EC2 offer the machines in the environment's zones?", offerings),
)
