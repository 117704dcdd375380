"""A VPC without a way to the internet, with ways to the registry that are chosen one by one."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import replace

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from aws_cdk import aws_route53resolver as route53resolver

from constructs import Construct
from weighbridge.aws_endpoints import FUNCTIONS_ALONE, SERVICES, host_names
from weighbridge.errors import InputError
from weighbridge_cdk.acknowledgements import acknowledge
from weighbridge_cdk.egress import Egress
from weighbridge_cdk.placement import NetworkPlacement
from weighbridge_cdk.service_endpoints import ServiceEndpoints, add_gateways

__all__ = ["NetworkPlacement", "PrivateNetwork"]

# A VPC is cut into eight ranges, of which each zone gets one.
SUBNET_BITS = 3


class PrivateNetwork(Construct):
    """Isolated subnets, gateway endpoints for S3 and DynamoDB, interface endpoints for what weighbridge calls, flow logs.

    Availability zones are given, never looked up: synth stays offline. Workloads speak to the endpoints and to whatever way
    out is added; nobody may speak to them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cidr: str,
        availability_zones: Sequence[str],
        registry_port: int = 443,
        services: Sequence[str] = tuple(SERVICES),
        endpoint_zones: int | None = None,
        organization_id: str | None = None,
        gateway_prefix_lists: Sequence[str] = (),
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the network.

        Args:
            cidr: IPv4 range of the VPC, such as `10.20.0.0/16`.
            availability_zones: names of one to eight zones; one subnet is created in each.
            registry_port: TCP port of the registry.
            services: names of AWS's services (`com.amazonaws.REGION.NAME`) that get interface endpoints; default: all that
                weighbridge knows (weighbridge.aws_endpoints).
            endpoint_zones: in how many of the zones those endpoints are, from the first on; default: in all.
            organization_id: endpoints reach what belongs to this organisation; default: to the account.
            gateway_prefix_lists: the region's prefix lists of S3 and DynamoDB. With them, workloads may open connections to
                these and to named peers alone; default: to any address on port 443, of which only those of S3, DynamoDB,
                the VPC and of added routes are routed.
            log_retention: how long the record of the VPC's traffic is kept.

        Raises:
            InputError: for no zone, more than eight, or a service that weighbridge does not know.
        """
        super().__init__(scope, construct_id)
        if not 1 <= len(availability_zones) <= 2**SUBNET_BITS:
            raise InputError(f"availability_zones: {len(availability_zones)} zones: give 1 to {2**SUBNET_BITS}")
        self._cidr = cidr
        self._registry_port = registry_port
        self._organization_id = organization_id
        self._services = tuple(services)
        self._egress: Egress | None = None
        self.vpc = self._create_vpc(availability_zones)
        self.workload_security_group = self._add_group("Workload", "What weighbridge runs in this VPC")
        self._add_flow_logs(log_retention)
        self._add_gateways(gateway_prefix_lists)
        endpoints = ServiceEndpoints(
            self,
            "Services",
            vpc=self.vpc,
            subnets=self.vpc.isolated_subnets[:endpoint_zones],
            services=services,
            organization_id=organization_id,
        )
        self.endpoint_security_group = endpoints.security_group
        self.allow_workloads(self.endpoint_security_group, port=443, why="Interface endpoints of AWS services")

    def _create_vpc(self, availability_zones: Sequence[str]) -> ec2.IVpc:
        """Create VPC and subnets, and return them as if they existed.

        The construct ec2.Vpc would compare the zones with the account's, which it has to look up.
        """
        vpc = ec2.CfnVPC(self, "Vpc", cidr_block=self._cidr, enable_dns_hostnames=True, enable_dns_support=True)
        cdk.Tags.of(vpc).add("Name", self.node.path)
        ranges = ipaddress.IPv4Network(self._cidr).subnets(prefixlen_diff=SUBNET_BITS)
        subnets = [
            ec2.PrivateSubnet(
                self,
                f"Subnet{number}",
                vpc_id=vpc.ref,
                availability_zone=zone,
                cidr_block=str(block),
                map_public_ip_on_launch=False,
            )
            for number, (zone, block) in enumerate(zip(availability_zones, ranges, strict=False), start=1)
        ]
        for subnet in subnets:
            acknowledge(subnet, "zones-from-settings")
        return ec2.Vpc.from_vpc_attributes(
            self,
            "Imported",
            vpc_id=vpc.ref,
            vpc_cidr_block=self._cidr,
            availability_zones=list(availability_zones),
            isolated_subnet_ids=[subnet.subnet_id for subnet in subnets],
            isolated_subnet_route_table_ids=[subnet.route_table.route_table_id for subnet in subnets],
        )

    @property
    def placement(self) -> NetworkPlacement:
        """Where workloads of this network run, and how they get out of it."""
        return NetworkPlacement(
            vpc=self.vpc,
            subnets=tuple(self.vpc.isolated_subnets),
            security_groups=(self.workload_security_group,),
            egress=self._egress,
        )

    def admit(self, peer: ec2.ISecurityGroup) -> None:
        """Let members of another security group use the interface endpoints of AWS's services, such as callers of models."""
        self.endpoint_security_group.add_ingress_rule(peer, ec2.Port.tcp(443), "HTTPS")

    def allow_workloads(self, peer: ec2.IPeer, *, port: int, why: str) -> None:
        """Let workloads open connections to `peer`; a security group there lets them in."""
        self.workload_security_group.add_egress_rule(peer, ec2.Port.tcp(port), why)
        if isinstance(peer, ec2.SecurityGroup):
            peer.add_ingress_rule(self.workload_security_group, ec2.Port.tcp(port), "Workloads of this VPC")

    def add_registry_service(self, service_name: str, *, host: str) -> ec2.InterfaceVpcEndpoint:
        """Reach the registry through its PrivateLink service, under its own host name and certificate.

        Args:
            service_name: `com.amazonaws.vpce.REGION.vpce-svc-...`, as the registry's operator gives it.
            host: the registry's host name; within the VPC it resolves to the endpoint, and nothing else changes.
        """
        group = self._add_group("RegistryEndpoint", "Endpoint of the registry in this VPC")
        endpoint = ec2.InterfaceVpcEndpoint(
            self,
            "Registry",
            vpc=self.vpc,
            service=ec2.InterfaceVpcEndpointService(service_name, self._registry_port),
            open=False,
            private_dns_enabled=False,
            security_groups=[group],
            subnets=ec2.SubnetSelection(subnets=self.vpc.isolated_subnets),
        )
        self.allow_workloads(group, port=self._registry_port, why="The registry, by PrivateLink")
        target = route53.RecordTarget.from_alias(targets.InterfaceVpcEndpointTarget(endpoint))
        self._name_registry(host, target)
        return endpoint

    def add_transit_gateway(self, transit_gateway_id: str, *, cidrs: Sequence[str]) -> None:
        """Attach the VPC to a transit gateway, and route `cidrs` there. Its owner has to route this VPC's range back.

        Args:
            transit_gateway_id: `tgw-...`, of this account or shared with it.
            cidrs: IPv4 ranges.
        """
        attachment = ec2.CfnTransitGatewayAttachment(
            self,
            "TransitGateway",
            transit_gateway_id=transit_gateway_id,
            vpc_id=self.vpc.vpc_id,
            subnet_ids=[subnet.subnet_id for subnet in self.vpc.isolated_subnets],
        )
        for route in self._add_routes(cidrs, transit_gateway_id=transit_gateway_id):
            route.add_resource_dependency(attachment)

    def add_peering(
        self,
        vpc_id: str,
        *,
        cidrs: Sequence[str],
        account: str | None = None,
        region: str | None = None,
        role_arn: str | None = None,
    ) -> None:
        """Peer with a VPC, and route `cidrs` there. Its owner has to route this VPC's range back.

        Args:
            vpc_id: the other VPC.
            cidrs: IPv4 ranges.
            account: of the other VPC; default: this one.
            region: of the other VPC; default: this one.
            role_arn: role in another account that accepts the peering.
        """
        peering = ec2.CfnVPCPeeringConnection(
            self,
            "Peering",
            vpc_id=self.vpc.vpc_id,
            peer_vpc_id=vpc_id,
            peer_owner_id=account,
            peer_region=region,
            peer_role_arn=role_arn,
        )
        self._add_routes(cidrs, vpc_peering_connection_id=peering.ref)

    def add_registry_addresses(self, addresses: Sequence[str], *, host: str) -> None:
        """Let `host` resolve to these private addresses within the VPC, and to nothing else."""
        self._name_registry(host, route53.RecordTarget.from_ip_addresses(*addresses))

    def add_resolver_rule(self, resolver_rule_id: str) -> None:
        """Resolve the rule's domain where the rule says; a rule of another account has to be shared with this one."""
        route53resolver.CfnResolverRuleAssociation(
            self, "ResolverRule", resolver_rule_id=resolver_rule_id, vpc_id=self.vpc.vpc_id
        )

    def use_egress(self, egress: Egress) -> None:
        """Tell workloads the proxy and the authorities of `egress`. What has an endpoint in this VPC meets no proxy."""
        region = cdk.Stack.of(self).region
        everybody = [name for name in self._services if name not in FUNCTIONS_ALONE]
        hosts, all_hosts = (host_names(names, region=region) for names in (everybody, self._services))
        self._egress = replace(
            egress,
            no_proxy=(*hosts, *egress.no_proxy),
            functions_alone=tuple(host for host in all_hosts if host not in hosts),
        )

    def _name_registry(self, host: str, target: route53.RecordTarget) -> None:
        zone = route53.PrivateHostedZone(self, "RegistryZone", zone_name=host, vpc=self.vpc)
        route53.ARecord(self, "RegistryRecord", zone=zone, target=target)

    def _add_routes(
        self,
        cidrs: Sequence[str],
        *,
        transit_gateway_id: str | None = None,
        vpc_peering_connection_id: str | None = None,
    ) -> list[ec2.CfnRoute]:
        return [
            ec2.CfnRoute(
                self,
                f"Route{number}-{cidr.replace('.', '-').replace('/', '-')}",
                route_table_id=subnet.route_table.route_table_id,
                destination_cidr_block=cidr,
                transit_gateway_id=transit_gateway_id,
                vpc_peering_connection_id=vpc_peering_connection_id,
            )
            for number, subnet in enumerate(self.vpc.isolated_subnets, start=1)
            for cidr in cidrs
        ]

    def _add_group(self, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, name, vpc=self.vpc, allow_all_outbound=False, description=description)

    def _add_flow_logs(self, retention: logs.RetentionDays) -> None:
        group = logs.LogGroup(
            self, "FlowLogs", retention=retention, removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        )
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
        role = iam.Role(
            self,
            "FlowLogsRole",
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
            ),
        )
        ec2.FlowLog(
            self,
            "FlowLog",
            resource_type=ec2.FlowLogResourceType.from_vpc(self.vpc),
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, role),
        )

    def _add_gateways(self, prefix_lists: Sequence[str]) -> None:
        """Create the endpoints, and let workloads reach them.

        Without the prefix lists, whose ids synth cannot look up, the rule names no peer; routes then bound it: the VPC
        itself, S3, DynamoDB, and what was added.
        """
        peers = [ec2.Peer.prefix_list(name) for name in prefix_lists] or [ec2.Peer.any_ipv4()]
        for peer in peers:
            self.workload_security_group.add_egress_rule(
                peer, ec2.Port.tcp(443), "S3 and DynamoDB by their gateway endpoints; the VPC has no internet route"
            )
        subnets = self.vpc.isolated_subnets
        add_gateways(self, vpc=self.vpc, subnets=subnets, organization_id=self._organization_id)
