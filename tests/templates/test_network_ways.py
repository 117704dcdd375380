"""The ways out of the VPC: each is there when the settings choose it, alone, and with named peers."""

from __future__ import annotations

import re

import pytest
from network_views import group, network_template, rules, services
from template_view import Template, only, resources, text

from weighbridge.settings import CreatedNetwork, EgressSettings, ExistingNetwork, ProxySettings, RouteSettings

ZONES = ("eu-central-1a", "eu-central-1b")
LISTS = ("pl-11111111", "pl-22222222")
OWN = {"Ref": "AWS::AccountId"}
PROXY = ProxySettings(url="http://proxy.example.com:3128", cidrs=("10.200.7.0/24",), bypass=(".corp.example",))


@pytest.fixture(scope="module")
def link(templates: dict[str, Template]) -> Template:
    """PrivateLink, as shipped."""
    return templates["weighbridge-prod-network"]


@pytest.fixture(scope="module")
def transit() -> Template:
    """A transit gateway, the registry's addresses, the lean profile, an organisation, prefix lists."""
    route = RouteSettings(
        cidrs=("10.200.0.0/16", "10.201.0.0/16"),
        transit_gateway_id="tgw-0123456789abcdef0",
        registry_addresses=("10.200.1.10", "10.200.2.10"),
    )
    return network_template(
        network=CreatedNetwork(
            cidr="10.40.0.0/16",
            availability_zones=ZONES,
            registry_service=None,
            route=route,
            profile="lean",
            organization_id="o-abcdefghij",
            gateway_prefix_lists=LISTS,
        )
    )


@pytest.fixture(scope="module")
def proxied() -> Template:
    """Peering with a VPC of another account, and a proxy in it."""
    route = RouteSettings(
        cidrs=("10.200.0.0/16",),
        peer_vpc_id="vpc-0123456789abcdef0",
        peer_account="999999999999",
        peer_role_arn="arn:aws:iam::999999999999:role/peering",
        resolver_rule_id=None,
    )
    return network_template(
        network=CreatedNetwork(cidr="10.40.0.0/16", availability_zones=ZONES, registry_service=None, route=route),
        egress=EgressSettings(proxy=PROXY),
    )


@pytest.fixture(scope="module")
def existing() -> Template:
    """A VPC that exists, whose owner names the peers."""
    return network_template(
        network=ExistingNetwork(
            vpc_id="vpc-0123456789abcdef0",
            availability_zones=ZONES[:1],
            subnet_ids=("subnet-0123456789abcdef0",),
            peers=("sg-0123456789abcdef0", "pl-11111111", "10.9.0.0/16"),
        ),
        egress=EgressSettings(proxy=ProxySettings(url="http://10.9.0.9:8080", security_group="sg-0fedcba9876543210")),
    )


def test_private_link_answers_under_the_registrys_own_name(link: Template) -> None:
    zone = only(link, "AWS::Route53::HostedZone")
    assert zone["Properties"]["Name"] == "registry.example.com."
    assert [each["VPCRegion"] for each in zone["Properties"]["VPCs"]] == ["eu-central-1"]
    assert only(link, "AWS::EC2::VPC")["Properties"]["CidrBlock"] == "10.40.0.0/16"
    record = only(link, "AWS::Route53::RecordSet")["Properties"]
    assert (record["Name"], record["Type"]) == ("registry.example.com.", "A")
    assert "Registry" in str(record["AliasTarget"])
    (endpoint,) = (
        each["Properties"]
        for each in resources(link, "AWS::EC2::VPCEndpoint").values()
        if ".vpce." in str(each["Properties"]["ServiceName"])
    )
    assert endpoint["PrivateDnsEnabled"] is False
    assert len(endpoint["SubnetIds"]) == 2


def test_with_private_link_nothing_is_routed_elsewhere(link: Template) -> None:
    for kind in ("Route", "TransitGatewayAttachment", "VPCPeeringConnection", "InternetGateway", "NatGateway"):
        assert not resources(link, f"AWS::EC2::{kind}")


def test_a_transit_gateway_gets_routes_of_the_named_ranges_alone(transit: Template) -> None:
    attachment = only(transit, "AWS::EC2::TransitGatewayAttachment")["Properties"]
    assert attachment["TransitGatewayId"] == "tgw-0123456789abcdef0"
    assert len(attachment["SubnetIds"]) == 2
    found = list(resources(transit, "AWS::EC2::Route").values())
    assert len(found) == 4
    assert {each["Properties"]["DestinationCidrBlock"] for each in found} == {"10.200.0.0/16", "10.201.0.0/16"}
    assert {each["Properties"]["TransitGatewayId"] for each in found} == {"tgw-0123456789abcdef0"}
    # Before the attachment exists, EC2 refuses the route.
    assert all("TransitGateway" in str(each["DependsOn"]) for each in found)
    assert not resources(transit, "AWS::EC2::InternetGateway")


def test_the_registry_resolves_to_its_private_addresses(transit: Template) -> None:
    assert only(transit, "AWS::Route53::HostedZone")["Properties"]["Name"] == "registry.example.com."
    record = only(transit, "AWS::Route53::RecordSet")["Properties"]
    assert record["ResourceRecords"] == ["10.200.1.10", "10.200.2.10"]


def test_a_resolver_rule_is_associated_instead() -> None:
    route = RouteSettings(
        cidrs=("10.200.0.0/16",),
        transit_gateway_id="tgw-0123456789abcdef0",
        resolver_rule_id="rslvr-rr-" + "1" * 17,
    )
    network = CreatedNetwork(cidr="10.40.0.0/16", availability_zones=ZONES, registry_service=None, route=route)
    template = network_template(network=network)
    rule = only(template, "AWS::Route53Resolver::ResolverRuleAssociation")["Properties"]
    assert rule["ResolverRuleId"] == "rslvr-rr-" + "1" * 17
    assert not resources(template, "AWS::Route53::HostedZone")


def test_peering_is_accepted_by_the_other_accounts_role(proxied: Template) -> None:
    peering = only(proxied, "AWS::EC2::VPCPeeringConnection")["Properties"]
    assert peering["PeerVpcId"] == "vpc-0123456789abcdef0"
    assert (peering["PeerOwnerId"], peering["PeerRoleArn"]) == (
        "999999999999",
        "arn:aws:iam::999999999999:role/peering",
    )
    found = [each["Properties"] for each in resources(proxied, "AWS::EC2::Route").values()]
    assert [each["DestinationCidrBlock"] for each in found] == ["10.200.0.0/16"] * 2
    assert all("VpcPeeringConnectionId" in each for each in found)


def test_workloads_speak_to_the_endpoints_and_to_nobody_who_is_not_named(transit: Template) -> None:
    workload, endpoints = group(transit, "Workload"), group(transit, "Services")
    assert rules(transit, workload, "Egress") == {
        (endpoints, 443, 443),
        ("pl-11111111", 443, 443),
        ("pl-22222222", 443, 443),
        ("10.200.0.0/16", 443, 443),
        ("10.201.0.0/16", 443, 443),
    }
    assert "0.0.0.0/0" not in text(transit)


def test_without_prefix_lists_one_rule_names_no_peer_and_says_why(link: Template) -> None:
    workload = group(link, "Workload")
    open_rules = [
        rule
        for each in resources(link, "AWS::EC2::SecurityGroup").values()
        for rule in each["Properties"].get("SecurityGroupEgress", [])
        if rule.get("CidrIp") == "0.0.0.0/0"
    ]
    assert len(open_rules) == 1
    assert "gateway endpoints" in open_rules[0]["Description"]
    assert rules(link, workload, "Egress") == {
        ("0.0.0.0/0", 443, 443),
        (group(link, "Services"), 443, 443),
        (group(link, "RegistryEndpoint"), 443, 443),
    }


def test_nobody_is_let_in_but_the_workloads_to_the_endpoints(link: Template, transit: Template) -> None:
    for template in (link, transit):
        workload = group(template, "Workload")
        assert rules(template, workload, "Ingress") == set()
        assert rules(template, group(template, "Services"), "Ingress") == {(workload, 443, 443)}
        for each in resources(template, "AWS::EC2::SecurityGroup"):
            assert all(peer == workload for peer, _, _ in rules(template, each, "Ingress"))
            assert each == workload or not rules(template, each, "Egress") - {("255.255.255.255/32", 252, 86)}


def test_the_registrys_endpoint_lets_in_its_port_alone(link: Template) -> None:
    assert rules(link, group(link, "RegistryEndpoint"), "Ingress") == {(group(link, "Workload"), 443, 443)}


def test_a_proxy_is_spoken_to_at_its_own_port_and_the_registry_not_at_all(proxied: Template) -> None:
    found = rules(proxied, group(proxied, "Workload"), "Egress")
    assert ("10.200.7.0/24", 3128, 3128) in found
    assert not [peer for peer, _, _ in found if peer == "10.200.0.0/16"]


def test_an_existing_network_is_spoken_to_by_named_peers(existing: Template) -> None:
    assert rules(existing, group(existing, "Workload"), "Egress") == {
        ("sg-0123456789abcdef0", 443, 443),
        ("pl-11111111", 443, 443),
        ("10.9.0.0/16", 443, 443),
        ("sg-0fedcba9876543210", 8080, 8080),
    }
    assert rules(existing, group(existing, "Workload"), "Ingress") == set()
    assert not resources(existing, "AWS::EC2::VPC")


def test_there_are_exactly_the_endpoints_that_the_stacks_use(templates: dict[str, Template], transit: Template) -> None:
    callers = {"sts", "sagemaker.runtime", "logs", "monitoring"}
    guard = {"secretsmanager", "sagemaker.api", "events", "kms"}
    assert set(services(templates["weighbridge-prod-network"])) == guard | callers
    assert set(services(templates["weighbridge-dev-network"])) == guard | callers | {"ssm", "sns"}
    assert "cloudtrail" in services(templates["weighbridge-staging-network"])
    left_out = set(services(templates["weighbridge-prod-network"])) - set(services(transit))
    assert {"sagemaker.runtime", "logs", "monitoring"} <= left_out <= callers
    assert guard <= set(services(transit))


def test_the_lean_profile_pays_for_one_zone(link: Template, transit: Template) -> None:
    assert {len(each["SubnetIds"]) for each in services(link).values()} == {2}
    assert {len(each["SubnetIds"]) for each in services(transit).values()} == {1}
    assert len(resources(transit, "AWS::EC2::Subnet")) == 2


def test_endpoints_serve_this_account_and_reach_what_is_its_own(templates: dict[str, Template]) -> None:
    for name, endpoint in services(templates["weighbridge-dev-network"]).items():
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        expected = {"aws:PrincipalAccount": OWN}
        if name in ("kms", "secretsmanager", "sns"):
            expected["aws:ResourceAccount"] = OWN
        assert statement["Condition"] == {"StringEquals": expected}, name
        assert endpoint["PrivateDnsEnabled"] is True


def test_an_organisation_widens_what_may_be_reached_and_not_by_whom(transit: Template) -> None:
    bound = {"aws:PrincipalAccount": OWN, "aws:ResourceOrgID": "o-abcdefghij"}
    (statement,) = services(transit)["secretsmanager"]["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": bound}
    (statement,) = services(transit)["events"]["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": OWN}}
    for each in resources(transit, "AWS::EC2::VPCEndpoint").values():
        if each["Properties"]["VpcEndpointType"] == "Gateway":
            assert each["Properties"]["PolicyDocument"]["Statement"][0]["Condition"] == {"StringEquals": bound}


def test_s3_lets_anybody_answer_cloudformation_and_read_image_layers_and_nothing_else(link: Template) -> None:
    (s3,) = (
        each["Properties"]["PolicyDocument"]["Statement"]
        for each in resources(link, "AWS::EC2::VPCEndpoint").values()
        if ".s3'" in str(each["Properties"]["ServiceName"])
    )
    unconditional = {(each["Action"], each["Resource"]) for each in s3 if "Condition" not in each}
    assert unconditional == {
        ("s3:PutObject", "arn:aws:s3:::cloudformation-custom-resource-response-eucentral1/*"),
        ("s3:GetObject", "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"),
    }
    assert len(s3) == 3


def test_descriptions_of_groups_and_rules_are_what_ec2_takes(
    link: Template, transit: Template, proxied: Template, existing: Template
) -> None:
    for template in (link, transit, proxied, existing):
        found = re.findall(r'"(?:Group)?Description": "([^"]*)"', text({"Resources": template["Resources"]}))
        assert found
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRuleDescription.html
        assert not [each for each in found if not re.fullmatch(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}", each)]
